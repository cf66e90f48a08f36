// What this device has said and the service has not stored yet. It is sent again, with the same id, until its copy
// comes back or it is refused: the service tells by the id that it is the same (section 8.3 of docs/protocol.md).

import type { Element } from "@xmpp/xml";

import { localpart, type StanzaFailure } from "./groupchat";
import type { Link } from "./link";
import type { Said } from "./timeline";

/** A copy that does not come in this time is asked for by sending again; in milliseconds, twice as long each time. */
const PATIENCE = 10_000;
/** The service knows an id again for ten minutes; some are left for the way. */
const AGAIN_MAX = 8 * 60_000;
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
  timer?: ReturnType<typeof setTimeout>;
  changed: () => void;
}

export class Outbox {
  private waiting = new Map<string, Waiting>();
  private givenUp = new Map<string, Waiting>();

  constructor(
    private link: Link,
    /** Called when the service seems to be away. */
    private away: () => void,
    /** Asks the service for a sign of life; rejects if there is none. */
    private ask: () => Promise<unknown>,
  ) {}

  /** Takes in something that was said; sends it if somebody is there to take it. */
  put(said: Said, stanza: () => Element, online: boolean, changed: () => void): void {
    const waiting: Waiting = { said, stanza, since: undefined, patience: PATIENCE, changed };
    this.waiting.set(said.id, waiting);
    if (online) this.send(waiting);
  }

  /**
   * After each login: everything once more, in its order. Once the archive was read up to now (`caughtUp`), what is
   * still waiting is not there, however long ago it was sent.
   */
  sendAll(caughtUp: boolean): void {
    for (const waiting of [...this.waiting.values()]) {
      waiting.patience = PATIENCE;
      if (caughtUp) waiting.since = undefined;
      this.send(waiting);
    }
  }

  /** A message with this id was stored; was it one of these? */
  stored(id: string): boolean {
    const waiting = this.waiting.get(id);
    clearTimeout(waiting?.timer);
    return this.waiting.delete(id);
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
    this.waiting.set(id, waiting);
    waiting.changed();
  }

  /** Sends nothing more before the next `sendAll`. */
  stop(): void {
    for (const { timer } of this.waiting.values()) clearTimeout(timer);
  }

  private send(waiting: Waiting): void {
    waiting.since ??= Date.now();
    if (Date.now() - waiting.since > AGAIN_MAX) {
      this.giveUp(waiting, { condition: "remote-server-timeout", type: "wait", text: "", by: undefined });
      return;
    }
    this.link.send(waiting.stanza());
    this.later(waiting);
  }

  private later(waiting: Waiting): void {
    clearTimeout(waiting.timer);
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
  }
}
