// One's groups, as this device knows them, kept true by what comes over a link: the inbox at login, live news, the
// archive for what was missed and for what is older. Not here: how it looks, what carries it, and what waits to be
// stored (`outbox.ts`).

import type { Element } from "@xmpp/xml";

import { Archives } from "./archives";
import * as gc from "./groupchat";
import { Group } from "./group";
import { Life } from "./life";
import { Refused, type Link } from "./link";
import { Outbox } from "./outbox";
import { readAll } from "./pages";
import { People } from "./people";
import { Position } from "./position";

/** How things stand between this device and the service. */
export type Status = "offline" | "syncing" | "waiting" | "online";

/** How often a group that is looked at is read again while nothing of it comes live, or its page did not come. */
const LOOK_EVERY = 10_000;

export class Chats {
  status: Status = "offline";
  groups = new Map<string, Group>();
  readonly outbox: Outbox;
  readonly people: People;
  /** The group that is looked at. */
  private shown: string | undefined;
  private listeners = new Set<() => void>();
  private told = false;
  private position = new Position();
  private life: Life;
  private round = 0;
  /** What the inbox told is older than something that came; and the round in which it is asked for. */
  private isStale = false;
  private refreshing: number | undefined;
  private archives: Archives;
  private lookTimer: ReturnType<typeof setInterval> | undefined;

  constructor(
    readonly link: Link,
    readonly service: string,
  ) {
    this.archives = new Archives(link);
    this.people = new People(link, () => this.changed());
    const ping = () => this.link.ask(gc.ping(this.service));
    const trouble = () => this.trouble();
    this.outbox = new Outbox(link, trouble, ping);
    this.life = new Life(ping);
  }

  /** Newest activity first. */
  get inbox(): Group[] {
    return [...this.groups.values()].sort((a, b) => ((a.last?.stanzaId ?? "") < (b.last?.stanzaId ?? "") ? 1 : -1));
  }

  /** Calls back after each change, a few at once. Gives what ends that. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed(): void {
    if (this.told) return;
    this.told = true;
    queueMicrotask(() => {
      this.told = false;
      for (const listener of this.listeners) listener();
    });
  }

  // The connection.

  /** After each login, and when the service is back: in this order nothing falls between (section 15.1). */
  async connected(): Promise<void> {
    const round = ++this.round;
    this.life.stop();
    this.outbox.stop();
    this.set("syncing");
    try {
      this.link.send(gc.announcement(this.service));
      // The answer says that the service has heard of this device.
      await this.link.ask(gc.ping(this.service));
      const known = this.position.to;
      const newest = await this.readInbox();
      const reached = (to: string) => round === this.round && this.position.set(to);
      const caughtUp = known !== undefined && (await this.archives.missed(this.service, known, reached));
      if (round !== this.round) return;
      if (!caughtUp) this.startAnew(newest);
      // What was asked for before the connection broke does not come any more.
      for (const group of this.groups.values()) group.opened &&= group.loaded;
      this.set("online");
      this.life.watch((problem) => (problem instanceof Refused ? this.trouble() : this.link.reset()));
      const open = this.shown === undefined ? undefined : this.groups.get(this.shown);
      // What does not come now is asked for again while it is looked at.
      const opened = open && this.open(open).catch(() => undefined);
      // Without catching up, its newest page alone tells what is stored of that which waits.
      if (!caughtUp) await opened;
      // Where nothing was ever said, nothing that waits is stored.
      if (round === this.round) this.outbox.sendAll(caughtUp || newest === undefined);
      await opened;
    } catch {
      if (round === this.round) this.trouble();
    }
  }

  /** The link is gone; it comes back by itself. If it broke over something that was sent, `blame` says how. */
  disconnected(blame?: string): void {
    this.round++;
    this.life.stop();
    this.outbox.stop();
    if (blame !== undefined) this.outbox.blame(blame);
    this.set("offline");
  }

  /** Ends all that goes on by itself. */
  stop(): void {
    this.disconnected();
    clearInterval(this.lookTimer);
    this.listeners.clear();
  }

  private set(status: Status): void {
    this.status = status;
    this.changed();
  }

  /** The service does not answer while the link is up: waits until it does. */
  private trouble(): void {
    if (this.status === "offline" || this.status === "waiting") return;
    this.round++;
    this.outbox.stop();
    this.set("waiting");
    this.life.wait(() => void this.connected());
  }

  private async readInbox(): Promise<string | undefined> {
    const items = await readAll(async (after) => gc.readInbox(await this.link.ask(gc.inboxQuery(this.service, after))));
    for (const item of items) this.group(item.jid).update(item);
    const found = new Set(items.map(({ jid }) => jid));
    for (const jid of this.groups.keys()) if (!found.has(jid)) this.groups.delete(jid);
    this.changed();
    return this.inbox[0]?.last?.stanzaId;
  }

  private startAnew(newest: string | undefined): void {
    this.position.set(newest);
    for (const group of this.groups.values()) group.forget();
  }

  // What comes.

  /** Takes in any stanza; what is not of the service is left alone. */
  received(stanza: Element): void {
    if (gc.domain(stanza.attrs.from ?? "") !== this.service) return;
    const archived = this.archives.received(stanza);
    const news = archived ? archived.news : gc.readNews(stanza, this.service);
    if (!news) return;
    if (news.kind === "message") this.onMessage(news, !archived);
    else if (news.kind === "event") this.onEvent(news, !archived);
    else if (news.kind === "receipt") this.onReceipt(news);
    else this.outbox.refused(news.id, news.error);
    this.changed();
  }

  private onMessage(message: gc.GroupMessage, live: boolean): void {
    const known = this.groups.get(message.group);
    if (!known && !live) return;
    // It may come before the news that one was added.
    if (!known) void this.refresh();
    const group = known ?? this.group(message.group);
    // Others may have chosen the same id.
    const own = group.selfMid === undefined || group.selfMid === message.mid;
    if (own && this.outbox.stored(message.id)) group.selfMid = message.mid;
    // One's own settings are others by now.
    if (live && group.isUnwanted(message, this.link.account)) void this.refresh();
    const isNew = group.timeline.add(message);
    if (message.retracts) this.takenBack(group, live);
    const { stanzaId, body } = message;
    if (!stanzaId || !isNew) return;
    // Not while there is something between, which was missed.
    if (live && this.status === "online") this.position.heard(stanzaId);
    // What was said before it may not have come.
    if (live && group.isPartial && group.loaded && group.jid === this.shown) void this.readOn(group);
    if (body === undefined || message.corrects || message.retracts) return;
    if (stanzaId <= (group.last?.stanzaId ?? "")) return;
    group.last = { stanzaId, stamp: message.stamp ?? new Date(), mid: message.mid, preview: body };
    if (live) void this.count(group, message);
  }

  /** Counts what somebody else said and one has not seen. */
  private async count(group: Group, message: gc.GroupMessage): Promise<void> {
    const self = await this.people.selfIn(group);
    const { stanzaId = "" } = message;
    if (message.mid === self || stanzaId <= group.countedTo || stanzaId <= (group.readId ?? "")) return;
    group.unread++;
    if (group.isMeant(this.link.account, message.mentions)) group.mentions++;
    this.changed();
  }

  private onEvent(event: gc.GroupEvent, live: boolean): void {
    const group = this.groups.get(event.group);
    if (group && event.operation === "moderation") {
      group.timeline.addEvent(event);
      this.takenBack(group, live);
      return;
    }
    if (!live) {
      group?.timeline.addEvent(event);
      return;
    }
    const concerns = event.items.some((item) => item.jid === this.link.account);
    if (event.operation === "deletegroup" || (event.operation === "removemember" && concerns)) {
      this.groups.delete(event.group);
    } else if (!group || event.operation === "mysettings" || concerns) {
      void this.refresh();
    } else {
      group.apply(event);
      // Presence has no place in the archive; the archive has it. The page that is on its way may not have it yet.
      if (group.loaded) void this.readOn(group);
      else group.isBehind = group.opened;
    }
  }

  /** Something is not to be read any more, and counts no more: not in the list of groups either. */
  private takenBack(group: Group, live: boolean): void {
    group.hideRetracted();
    if (live) void this.refresh();
  }

  private onReceipt(receipt: gc.Receipt): void {
    const group = this.groups.get(receipt.group);
    if (group?.selfMid !== undefined) this.onReceiptIn(group, receipt);
    else if (group) void this.people.selfIn(group).then(() => this.onReceiptIn(group, receipt));
  }

  private onReceiptIn(group: Group, { mid, id }: gc.Receipt): void {
    const position = group.timeline.find(id, group.selfMid)?.stanzaId;
    // From another device of one's own, as far as one knows: what is left unread, the service knows.
    if (group.selfMid === undefined || mid === group.selfMid) void this.refresh();
    else if (position) group.advance(mid, position);
    this.changed();
  }

  /** Asks for the inbox; however often it is wanted while it is being answered, once more behind that. */
  private async refresh(): Promise<void> {
    const { round } = this;
    this.isStale = true;
    if (this.refreshing === round) return;
    this.refreshing = round;
    try {
      while (this.isStale && round === this.round) {
        this.isStale = false;
        await this.readInbox();
        const shown = this.shown === undefined ? undefined : this.groups.get(this.shown);
        if (shown && !shown.opened) await this.open(shown);
      }
    } catch {
      // It comes with the next refresh, or with the next connection.
    }
    if (this.refreshing === round) this.refreshing = undefined;
  }

  /** What of a group does not come by itself. What does not come now either comes the next time. */
  private async readOn(group: Group): Promise<void> {
    await this.archives.on(group).catch(() => undefined);
    // The place up to which it was read is gone, and all with it.
    if (!group.opened && group.jid === this.shown) await this.open(group).catch(() => undefined);
    this.changed();
  }

  // What a person does.

  /** Looks at a group: its newest page, its members, and who has read what one said. */
  async open(group: Group): Promise<void> {
    this.shown = group.jid;
    clearInterval(this.lookTimer);
    this.lookTimer = setInterval(() => {
      if (this.status !== "online" || this.groups.get(group.jid) !== group) return;
      if (!group.opened || !group.membersKnown) void this.open(group).catch(() => undefined);
      else if (group.isPartial && group.loaded) void this.readOn(group);
    }, LOOK_EVERY);
    if (this.status !== "online") return;
    if (group.isPartial) group.forget();
    await Promise.all([this.people.load(group), group.opened ? undefined : this.loadNewest(group)]);
    await this.people.loadReceipts(group);
  }

  /** Looks at none. */
  close(): void {
    this.shown = undefined;
    clearInterval(this.lookTimer);
  }

  private async loadNewest(group: Group): Promise<void> {
    group.opened = true;
    try {
      await this.archives.back(group);
      group.loaded = true;
      if (group.isBehind) await this.readOn(group);
      group.isBehind = false;
    } catch (problem) {
      group.opened = false;
      throw problem;
    }
    this.changed();
  }

  /** What was before, as far as there is something to show. */
  async loadOlder(group: Group): Promise<void> {
    await this.archives.back(group);
    this.changed();
  }

  /** Says something. It is shown at once, and kept until it is stored. */
  say(group: Group, body: string, mentions: gc.MentionInText[]): void {
    const id = crypto.randomUUID();
    const told = {
      all: mentions.some(({ address }) => address === "all"),
      addresses: mentions.map(({ address }) => address),
    };
    const said = {
      kind: "said",
      id,
      mid: group.selfMid ?? "",
      stanzaId: undefined,
      at: new Date(),
      body: gc.legal(body),
      mentions: told,
    } as const;
    const entry = { ...said, state: "pending" as const, corrected: false, retracted: false };
    group.timeline.addPending(entry);
    const stanza = () => gc.post(group.jid, id, body, mentions);
    this.outbox.put(entry, stanza, () => this.changed());
    this.changed();
  }

  /** Tries again what was given up, once the archive has told that it is not there. */
  sayAgain(id: string): void {
    this.outbox.again(id);
    if (this.status === "online") void this.connected();
  }

  /** Tells that everything that is shown was read, as far as nothing is missing in it. */
  read(group: Group): void {
    const isShown = (id = "") => !group.isPartial || id <= (group.archivedTo ?? "");
    const newest = group.timeline.newestSaid((said) => said.mid !== group.selfMid && isShown(said.stanzaId))?.stanzaId;
    if (this.status !== "online" || newest === undefined || newest <= (group.readId ?? "")) return;
    this.link.send(gc.readReceipt(group.jid, newest));
    Object.assign(group, { readId: newest, unread: 0, mentions: 0 });
    this.changed();
  }

  /** Makes a group; gives it. */
  async create(name: string, members: string[]): Promise<Group> {
    const jid = gc.createdGroup(await this.link.ask(gc.createGroup(this.service, name, members)));
    await this.readInbox();
    const group = this.groups.get(jid ?? "");
    if (!group) throw new Error("the new group is not in the inbox");
    return group;
  }

  async rename(group: Group, name: string): Promise<void> {
    await this.link.ask(gc.renameGroup(group.jid, name));
  }

  async leave(group: Group): Promise<void> {
    await this.link.ask(gc.leaveGroup(group.jid));
    this.groups.delete(group.jid);
    this.changed();
  }

  async mute(group: Group, until: Date | undefined): Promise<void> {
    await this.link.ask(gc.muteGroup(group.jid, until));
    group.muted = until !== undefined;
    this.changed();
    if (!group.isPartial && group.loaded) await this.readOn(group);
  }

  private group(jid: string): Group {
    let group = this.groups.get(jid);
    if (!group) this.groups.set(jid, (group = new Group(jid)));
    return group;
  }
}
