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
  retracted: boolean;
}

/** Something that happened to the group. */
export interface Happened {
  kind: "happened";
  stanzaId: string;
  at: Date;
  event: GroupEvent;
}

export type Entry = Said | Happened;

/** Below this many entries nothing is forgotten. */
const ENTRIES_MAX = 5_000;

export class Timeline {
  /** In their order. */
  entries: Entry[] = [];
  /** The archive has nothing before the first entry. */
  complete = false;
  private corrections = new Map<string, string>();
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

  /** The entry with this id, or this stanza-id. */
  find(id: string): Entry | undefined {
    return this.entries.find((entry) => entry.stanzaId === id || (entry.kind === "said" && entry.id === id));
  }

  /** One's own words, before they are stored. */
  addPending(said: Said): void {
    this.entries.push(said);
  }

  /** Takes in what was received; tells whether it shows something that was not there. */
  add(message: GroupMessage): boolean {
    if (message.retracts) return this.retract(message.retracts, message.mid);
    if (message.corrects) return this.correct(message.corrects, message.mid, message.body ?? "");
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
    const correction =
      this.corrections.get(`${message.mid}/${message.id}`) ??
      this.corrections.get(`${message.mid}/${message.stanzaId}`);
    this.insert({
      kind: "said",
      id: message.id,
      mid: message.mid,
      stanzaId: message.stanzaId,
      at: message.stamp ?? new Date(),
      body: correction ?? message.body ?? "",
      mentions: message.mentions,
      state: "stored",
      corrected: correction !== undefined,
      retracted: message.retracted || [message.id, message.stanzaId].some((id) => this.isRetracted(id, message.mid)),
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
  }

  private insert(entry: Entry): void {
    const id = entry.stanzaId ?? "";
    const behind = this.entries.findLastIndex((other) => other.stanzaId !== undefined && other.stanzaId < id);
    this.entries.splice(behind + 1, 0, entry);
    if (this.entries.length > ENTRIES_MAX && behind + 1 > ENTRIES_MAX / 2) {
      this.entries.splice(0, this.entries.length - ENTRIES_MAX);
      this.complete = false;
    }
  }

  /** Only the author corrects. The message may be one that is read later. */
  private correct(id: string, mid: string, body: string): boolean {
    this.corrections.set(`${mid}/${id}`, body);
    const entry = this.find(id);
    if (entry?.kind !== "said" || entry.mid !== mid) return false;
    entry.body = body;
    entry.corrected = true;
    return true;
  }

  /** The author takes back, or with `undefined` the group itself. */
  private retract(id: string, mid: string | undefined): boolean {
    this.retractions.add(`${mid ?? ""}/${id}`);
    const entry = this.find(id);
    if (entry?.kind !== "said" || (mid !== undefined && entry.mid !== mid)) return false;
    entry.retracted = true;
    return true;
  }

  private isRetracted(id: string, mid: string): boolean {
    return this.retractions.has(`/${id}`) || this.retractions.has(`${mid}/${id}`);
  }
}
