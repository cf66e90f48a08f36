// Who is in a group, which of them one is oneself, and who has read what one said: asked when it matters, and changed.
// Not here: what is told of it without being asked.

import type { Group } from "./group";
import * as gc from "./groupchat";
import type { Link } from "./link";
import { readAll } from "./pages";

/** So many of one's last messages are asked for who has read them. */
const RECEIPTS_MAX = 5;

export class People {
  constructor(
    private link: Link,
    /** Called after each change. */
    private changed: () => void,
  ) {}

  /** All members of a group. */
  async load(group: Group): Promise<void> {
    const members = await readAll(async (after) =>
      gc.readMembers(await this.link.ask(gc.membersQuery(group.jid, after))),
    );
    group.members = new Map(members.map((member) => [member.mid, member]));
    group.membersKnown = true;
    group.selfMid = members.find((member) => member.jid === this.link.account)?.mid ?? group.selfMid;
    this.changed();
  }

  /** One's own member id; nothing if the group does not say it now. */
  async selfIn(group: Group): Promise<string | undefined> {
    if (group.selfMid !== undefined) return group.selfMid;
    group.askedSelf ??= this.link
      .ask(gc.memberQuery(group.jid, this.link.account))
      .then((answer) => gc.readMembers(answer).items[0]?.mid)
      .catch(() => undefined)
      .finally(() => (group.askedSelf = undefined));
    const mid = await group.askedSelf;
    return (group.selfMid ??= mid);
  }

  /** Who has read the last that one said, and what one said before, until one that all have read. */
  async loadReceipts(group: Group): Promise<void> {
    const own = group.timeline.entries.filter(
      (entry) => entry.kind === "said" && entry.state === "stored" && entry.mid === group.selfMid,
    );
    for (const { stanzaId = "" } of own.slice(-RECEIPTS_MAX).reverse()) {
      const answer = await this.link.ask(gc.receiptsQuery(group.jid, stanzaId)).catch(() => undefined);
      if (!answer) return;
      const { mids, unread } = gc.readReceipts(answer);
      for (const mid of mids) group.advance(mid, stanzaId);
      this.changed();
      if (unread === 0) return;
    }
  }

  async add(group: Group, jids: string[]): Promise<void> {
    await this.link.ask(gc.addMembers(group.jid, jids));
  }

  async remove(group: Group, mid: string): Promise<void> {
    await this.link.ask(gc.removeMember(group.jid, mid));
  }
}
