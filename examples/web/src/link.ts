// What the chats need of a connection; `connection.ts` has one for browsers, the tests have one without a network.

import type { Element } from "@xmpp/xml";

import type { StanzaFailure } from "./groupchat";

export interface Link {
  /** The account that is logged in. */
  readonly account: string;
  /** Sends something that has no answer. What is lost on the way is noticed by whoever waits for its effect. */
  send(stanza: Element): void;
  /** Sends an iq, and gives its result. Rejects with `Refused`, or with another error if nothing comes in time. */
  ask(iq: Element): Promise<Element>;
  /** Breaks off a connection that seems dead; it comes back by itself. */
  reset(): void;
}

/** The answer to an iq was an error. */
export class Refused extends Error {
  constructor(readonly failure: StanzaFailure) {
    super(failure.text || failure.condition);
  }
}
