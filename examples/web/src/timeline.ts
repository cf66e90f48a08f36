// What was said and what happened in one group, in the order of its archive, each thing once. What this device has said
// and the service has not stored yet comes last. Not here: where it comes from.

import type { GroupEvent, GroupMessage, Mentions, StanzaFailure } from "./groupchat";

/** Something that was said. */
export interface Said {
  kind: "said";
  id: string;
  mid: string;
  stanzaId: string | undefined;
  at: Date;
  body: string;
  mentions: Mentions;
  /** Of one's own: is it on its way, safe, or refused? */
  state: "pending" | "stored" | "refused";
  failure?: StanzaFailure;
  corrected: boolean;
  /** The place of the correction whose text this is. */
  correctedBy?: string | undefined;
  retracted: boolean;
}

/** What an author wants to have said instead, and where in the archive that stands. */
interface Correction {
  place: string;
  body: string;
}

/** Something that happened to the group. */
export interface Happened {
  kind: "happened";
  stanzaId: string;
  at: Date;
  event: GroupEvent;
}

export type Entry = Said | Happened;

/** The place of what is not stored: behind all that is. */
const LAST = "\uffff";
/** Below this many entries nothing is forgotten. */
const ENTRIES_MAX = 5_000;

export class Timeline {
  /** In their order. */
  entries: Entry[] = [];
  /** The archive was read back to this stanza-id; nothing behind it is missing. */
  begin: string | undefined;
  /** The archive has nothing before the first entry. */
  complete = false;
  private corrections = new Map<string, Correction>();
  private retractions = new Set<string>();

  /** The stanza-id of the first entry. */
  get oldest(): string | undefined {
    return this.entries[0]?.stanzaId;
  }

  /** The last thing that somebody said and that is stored. */
  newestSaid(by: (said: Said) => boolean = () => true): Said | undefined {
    return this.entries.findLast(
      (entry): entry is Said => entry.kind === "said" && entry.state === "stored" && by(entry),
    );
  }

  /** What this member gave this id, for others may have chosen the same; or else what has it as its stanza-id. */
  find(id: string, mid: string | undefined): Entry | undefined {
    const said = this.entries.find((entry) => entry.kind === "said" && entry.mid === mid && entry.id === id);
    return said ?? this.entries.find((entry) => entry.stanzaId === id);
  }

  /** One's own words, before they are stored. */
  addPending(said: Said): void {
    this.entries.push(said);
  }

  /** Takes in what was received; tells whether it shows something that was not there. */
  add(message: GroupMessage): boolean {
    if (message.retracts) return this.retract(message.retracts, message.mid);
    if (message.corrects) return this.correct(message.corrects, message);
    if (!message.stanzaId || (message.body === undefined && !message.retracted)) return false;
    if (this.entries.some((entry) => entry.stanzaId === message.stanzaId)) return false;
    const pending = this.entries.findIndex(
      (entry) =>
        entry.kind === "said" &&
        entry.id === message.id &&
        entry.state !== "stored" &&
        (!entry.mid || entry.mid === message.mid),
    );
    if (pending >= 0) this.entries.splice(pending, 1);
    const [correction] = [message.id, message.stanzaId]
      .flatMap((id) => this.corrections.get(`${message.mid}/${id}`) ?? [])
      .sort((a, b) => (a.place > b.place ? -1 : 1));
    this.insert({
      kind: "said",
      id: message.id,
      mid: message.mid,
      stanzaId: message.stanzaId,
      at: message.stamp ?? new Date(),
      body: correction?.body ?? message.body ?? "",
      mentions: message.mentions,
      state: "stored",
      corrected: correction !== undefined,
      correctedBy: correction?.place,
      retracted: message.retracted || this.isRetracted(message),
    });
    return true;
  }

  /** Takes in an event with a place in the archive. */
  addEvent(event: GroupEvent): boolean {
    if (event.operation === "moderation") return this.retract(event.properties.id ?? "", undefined);
    if (!event.stanzaId || this.entries.some((entry) => entry.stanzaId === event.stanzaId)) return false;
    this.insert({ kind: "happened", stanzaId: event.stanzaId, at: event.stamp ?? new Date(), event });
    return true;
  }

  /** Forgets everything but what is not stored yet. */
  clear(): void {
    this.entries = this.entries.filter((entry) => entry.kind === "said" && entry.state !== "stored");
    this.complete = false;
    this.begin = undefined;
  }

  private insert(entry: Entry): void {
    const id = entry.stanzaId ?? "";
    const behind = this.entries.findLastIndex((other) => other.stanzaId !== undefined && other.stanzaId < id);
    this.entries.splice(behind + 1, 0, entry);
    if (this.entries.length > ENTRIES_MAX && behind + 1 > ENTRIES_MAX / 2) {
      this.entries.splice(0, this.entries.length - ENTRIES_MAX);
      this.complete = false;
      this.begin = this.oldest;
    }
  }

  /** Only the author corrects. The message may be one that is read later. */
  private correct(id: string, { mid, body = "", stanzaId: place = LAST }: GroupMessage): boolean {
    const key = `${mid}/${id}`;
    if ((this.corrections.get(key)?.place ?? "") <= place) this.corrections.set(key, { place, body });
    const entry = this.find(id, mid);
    if (entry?.kind !== "said" || entry.mid !== mid || (entry.correctedBy ?? "") > place) return false;
    Object.assign(entry, { body, corrected: true, correctedBy: place });
    return true;
  }

  /** The author takes back, or with `undefined` the group itself. */
  private retract(id: string, mid: string | undefined): boolean {
    this.retractions.add(`${mid ?? ""}/${id}`);
    const entry = this.find(id, mid);
    if (entry?.kind !== "said" || (mid !== undefined && entry.mid !== mid)) return false;
    entry.retracted = true;
    return true;
  }

  /** The group names what it takes back by its place alone. */
  private isRetracted({ id, mid, stanzaId }: GroupMessage): boolean {
    return [`/${stanzaId}`, `${mid}/${stanzaId}`, `${mid}/${id}`].some((key) => this.retractions.has(key));
  }
}
