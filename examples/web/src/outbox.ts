// What this device has said and the service has not stored yet, in the order in which it was said. It is sent again, with
// the same id, until its copy comes back or it is refused: the service tells by the id that it is the same (section 8.3
// of docs/protocol.md).

import type { Element } from "@xmpp/xml";

import { localpart, type StanzaFailure } from "./groupchat";
import type { Link } from "./link";
import type { Said } from "./timeline";

/** A copy that does not come in this time is asked for by sending again; in milliseconds, twice as long each time. */
const PATIENCE = 10_000;
/** The service knows an id again for ten minutes; some are left for the way. */
const AGAIN_MAX = 8 * 60_000;
/** A message that was under way this often when a server broke off the stream over what it got is not sent again. */
const BREAKS_MAX = 3;
/** What a server says in the service's place while that is away. */
const AWAY = new Set([
  "service-unavailable",
  "recipient-unavailable",
  "remote-server-not-found",
  "remote-server-timeout",
  "internal-server-error",
]);

interface Waiting {
  said: Said;
  stanza: () => Element;
  /** When it was sent first, as far as that matters. */
  since: number | undefined;
  patience: number;
  /** Since the last login. */
  isSent: boolean;
  /** As often did the stream break while it was under way. */
  breaks: number;
  timer?: ReturnType<typeof setTimeout>;
  changed: () => void;
}

export class Outbox {
  private waiting = new Map<string, Waiting>();
  private givenUp = new Map<string, Waiting>();
  /** It may send: after a login, once the archive has told what is stored. */
  private isOpen = false;

  constructor(
    private link: Link,
    /** Called when the service seems to be away. */
    private away: () => void,
    /** Asks the service for a sign of life; rejects if there is none. */
    private ask: () => Promise<unknown>,
  ) {}

  /** Takes in something that was said; sends it, behind what was said before, if somebody is there to take it. */
  put(said: Said, stanza: () => Element, changed: () => void): void {
    const waiting = { said, stanza, since: undefined, patience: PATIENCE, isSent: false, breaks: 0, changed };
    this.waiting.set(said.id, waiting);
    this.goOn();
  }

  /**
   * After each login: everything once more, in its order. Once the archive was read up to now (`caughtUp`), what is
   * still waiting is not there, however long ago it was sent.
   */
  sendAll(caughtUp: boolean): void {
    this.isOpen = true;
    for (const waiting of this.waiting.values()) {
      Object.assign(waiting, { patience: PATIENCE, isSent: false });
      if (caughtUp) waiting.since = undefined;
    }
    this.goOn();
  }

  /** A message with this id was stored; was it one of these? */
  stored(id: string): boolean {
    const waiting = this.waiting.get(id);
    clearTimeout(waiting?.timer);
    if (!this.waiting.delete(id)) return false;
    this.goOn();
    return true;
  }

  /** A message with this id came back. */
  refused(id: string, failure: StanzaFailure): void {
    const waiting = this.waiting.get(id);
    if (!waiting) return;
    const { condition, by = "" } = failure;
    if (localpart(by) && condition !== "internal-server-error") this.heed(waiting, failure);
    else if (AWAY.has(condition)) this.away();
    // A server may forbid the way to a service that is away, or not want what is said. The service knows whether it is there.
    else
      this.ask().then(
        () => this.waiting.has(id) && this.heed(waiting, failure),
        () => this.away(),
      );
  }

  /** The person wants one that was given up to be tried once more; it goes with the next `sendAll`. */
  again(id: string): void {
    const waiting = this.givenUp.get(id);
    if (!waiting) return;
    this.givenUp.delete(id);
    waiting.said.state = "pending";
    delete waiting.said.failure;
    Object.assign(waiting, { isSent: false, breaks: 0 });
    this.waiting.set(id, waiting);
    waiting.changed();
  }

  /** Sends nothing more before the next `sendAll`. */
  stop(): void {
    this.isOpen = false;
    for (const { timer } of this.waiting.values()) clearTimeout(timer);
  }

  /** The server broke off the stream over something that it got, says this condition: one of these, as it seems. */
  blame(condition: string): void {
    for (const waiting of [...this.waiting.values()].filter(({ isSent }) => isSent)) {
      waiting.breaks++;
      if (waiting.breaks >= BREAKS_MAX) this.giveUp(waiting, { condition, type: "cancel", text: "", by: undefined });
    }
  }

  /** Sends what is not sent. While one of them may have broken the stream, one at a time: so it will be found. */
  private goOn(): void {
    if (!this.isOpen) return;
    const all = [...this.waiting.values()];
    const carefully = all.some(({ breaks }) => breaks > 0);
    for (const waiting of all) {
      // The ones before may have been given up, and with that those behind were sent.
      if (!this.waiting.has(waiting.said.id)) continue;
      if (!waiting.isSent) this.send(waiting);
      if (carefully && this.waiting.has(waiting.said.id)) return;
    }
  }

  private send(waiting: Waiting): void {
    waiting.since ??= Date.now();
    if (Date.now() - waiting.since > AGAIN_MAX) {
      this.giveUp(waiting, { condition: "remote-server-timeout", type: "wait", text: "", by: undefined });
      return;
    }
    waiting.isSent = true;
    this.link.send(waiting.stanza());
    this.later(waiting);
  }

  private later(waiting: Waiting): void {
    clearTimeout(waiting.timer);
    if (!this.isOpen) return;
    waiting.timer = setTimeout(() => this.send(waiting), waiting.patience);
    waiting.patience *= 2;
  }

  private heed(waiting: Waiting, failure: StanzaFailure): void {
    if (failure.type === "wait") this.later(waiting);
    else this.giveUp(waiting, failure);
  }

  private giveUp(waiting: Waiting, failure: StanzaFailure): void {
    clearTimeout(waiting.timer);
    this.waiting.delete(waiting.said.id);
    this.givenUp.set(waiting.said.id, waiting);
    waiting.said.state = "refused";
    waiting.said.failure = failure;
    waiting.changed();
    this.goOn();
  }
}
