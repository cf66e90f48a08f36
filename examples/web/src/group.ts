// What a device knows of one group: what the inbox tells, who is in it, what was said, who has read it.

import { bare, type GroupEvent, type GroupMessage, type InboxItem, type Member, type Mentions, type Role } from "./groupchat";
import { Names } from "./mentions";
import { Timeline, type Said } from "./timeline";

export class Group {
  name = "";
  role: Role = "member";
  unread = 0;
  mentions = 0;
  readId: string | undefined;
  muted = false;
  onlyMentions = false;
  last: InboxItem["last"];
  /** By member id; complete once `membersKnown`. Another map after each change. */
  members = new Map<string, Member>();
  membersKnown = false;
  /** One's own member id. */
  selfMid: string | undefined;
  /** It is being asked for. */
  askedSelf: Promise<string | undefined> | undefined;
  /** How far the others have read: a stanza-id for each member id. */
  reads = new Map<string, string>();
  timeline = new Timeline();
  /** Its own archive was read up to this stanza-id, from the first entry on. */
  archivedTo: string | undefined;
  /** Up to here the service has counted what is unread. */
  countedTo = "";
  /** Its newest page was asked for. */
  opened = false;
  /** It is here. */
  loaded = false;
  /** Something happened while it was on its way. */
  isBehind = false;
  /** What one has begun to write here and not sent. */
  draft = "";
  private named: { members: Map<string, Member>; names: Names } | undefined;

  constructor(readonly jid: string) {}

  /** What the inbox says replaces what was known. */
  update(item: InboxItem): void {
    const { name, role, unread, mentions, readId, muted, onlyMentions, last } = item;
    const wasPartial = this.isPartial;
    Object.assign(this, { name, role, unread, mentions, readId, muted, onlyMentions, last });
    // What was said before did not all come.
    if (wasPartial && !this.isPartial) this.forget();
    this.countedTo = last?.stanzaId ?? "";
  }

  /** Shows what was said before it, where the last was taken back; what that is, if it is not here, the inbox tells. */
  hideRetracted(): void {
    const { last } = this;
    const entry = this.timeline.entries.find(({ stanzaId }) => stanzaId !== undefined && stanzaId === last?.stanzaId);
    if (!last || entry?.kind !== "said" || !entry.retracted) return;
    const left = this.timeline.newestSaid(({ retracted }) => !retracted);
    this.last = left?.stanzaId
      ? { stanzaId: left.stanzaId, stamp: left.at, mid: left.mid, preview: left.body }
      : { ...last, preview: "" };
  }

  /** What was said is to be read anew, from the end. */
  forget(): void {
    this.timeline.clear();
    Object.assign(this, { archivedTo: undefined, opened: false, loaded: false });
  }

  /** What was announced of it, live. */
  apply(event: GroupEvent): void {
    if (event.operation === "updategroup" && event.properties.name) this.name = event.properties.name;
    const members = new Map(this.members);
    for (const { mid, jid = "", nick, role } of event.items) {
      if (!mid) continue;
      const known = members.get(mid) ?? { mid, jid, nick: mid, role: "member" };
      if (event.operation === "removemember") members.delete(mid);
      else members.set(mid, { ...known, nick: nick ?? known.nick, role: role ?? known.role });
    }
    this.members = members;
  }

  /** The names by which its members, and everybody, can be mentioned. */
  get names(): Names {
    const { members } = this;
    if (this.named?.members !== members) this.named = { members, names: new Names(members.values(), this.jid) };
    return this.named.names;
  }

  /** The name to show for a member; who has left is called by the member id. */
  nick(mid: string): string {
    return this.members.get(mid)?.nick ?? mid;
  }

  /** Everybody but oneself. */
  get others(): Member[] {
    return [...this.members.values()].filter((member) => member.mid !== this.selfMid);
  }

  /** Of what the others say not everything comes live. */
  get isPartial(): boolean {
    return this.muted || this.onlyMentions;
  }

  /** May this not come live, as one wants it? */
  isUnwanted(message: GroupMessage, account: string): boolean {
    if (message.mid === this.selfMid) return false;
    return this.muted || (this.onlyMentions && !this.isMeant(account, message.mentions));
  }

  /** Does this mention oneself, whose account is given, or all? */
  isMeant(account: string, mentions: Mentions): boolean {
    const own = [account, `${this.jid}/${this.selfMid}`];
    return mentions.all || mentions.addresses.some((it) => own.includes(it) || own.includes(bare(it)));
  }

  /** How many of the others have read this. */
  readCount(said: Said): number {
    const { stanzaId } = said;
    return stanzaId === undefined ? 0 : this.others.filter(({ mid }) => (this.reads.get(mid) ?? "") >= stanzaId).length;
  }

  /** Somebody has read up to this; positions never go back. */
  advance(mid: string, stanzaId: string): void {
    if ((this.reads.get(mid) ?? "") < stanzaId) this.reads.set(mid, stanzaId);
  }

  /** May one do this here? What the service allows beyond is not known, and not offered. */
  get mayManage(): boolean {
    return this.role !== "member";
  }
}
