// What the stories in JavaScript have in common: where they play, what they say, and somebody who speaks by xmpp.js.
//
// A story is run with: URLs of the host for clients, by WebSocket and by TCP, domain of the users, domain of the service,
// folder for what is to be looked at when it fails. It prints a line `ok <what>` for each thing that works, and ends with an error at the first
// that does not.

import { createHash, webcrypto } from "node:crypto";

import { client, xml } from "@xmpp/client";

// xmpp.js takes it for granted; node 18 has it as a module alone.
globalThis.crypto ??= webcrypto;

export const [WEBSOCKET, TCP, USERS, SERVICE, FOLDER] = process.argv.slice(2);
export const ROOM = `tea@${SERVICE}`;
export const PATIENCE_MS = 20_000;
/** A picture of one green pixel, and what it is known by. */
export const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPQqzUCAAG6AN7Eir+IAAAAAElFTkSuQmCC";
export const PICTURE_HASH = createHash("sha1").update(Buffer.from(PICTURE, "base64")).digest("hex");

export const NS = {
  archive: "urn:xmpp:mam:2",
  group: "http://jabber.org/protocol/groupchat",
  muc: "http://jabber.org/protocol/muc",
  occupant: "urn:xmpp:occupant-id:0",
  stanza: "urn:xmpp:sid:0",
};

export function ok(what) {
  console.log(`ok ${what}`);
}

export function check(holds, what, shown) {
  if (!holds) throw new Error(`${what}${shown === undefined ? "" : `: ${shown}`}`);
}

/** Ends the program with what the story failed at, and never later than its time is over. */
export async function tell(story, seconds) {
  const over = setTimeout(() => {
    console.error(`the story did not end within ${seconds} s`);
    process.exit(1);
  }, seconds * 1000);
  try {
    await story();
  } catch (problem) {
    console.error(problem.stack ?? problem);
    process.exitCode = 1;
  }
  clearTimeout(over);
  // Clients that a failure left behind would keep the program alive.
  setTimeout(() => process.exit(), 1000).unref();
}

/** Somebody who speaks by xmpp.js, and remembers what he hears. */
export class Person {
  constructor(user) {
    this.user = user;
    this.jid = `${user}@${USERS}`;
    this.heard = [];
    this.waiting = [];
    this.xmpp = client({ service: TCP, domain: USERS, resource: "stock", username: user, password: "secret" });
    // xmpp.js counts wrong when a request for a count comes along with the answer to its <enable/>, and is thrown out.
    this.xmpp.prependListener("element", (element) => element.remove("sm", "urn:xmpp:sm:3"));
    this.xmpp.on("error", (problem) => console.error(`${user}: ${problem}`));
    this.xmpp.on("stanza", (stanza) => {
      this.heard.push(stanza);
      this.waiting.forEach((look) => look());
    });
  }

  async come() {
    await this.xmpp.start();
    await this.xmpp.send(xml("presence"));
    return this;
  }

  async go() {
    await this.xmpp.stop();
  }

  send(...stanza) {
    return this.xmpp.send(xml(...stanza));
  }

  say(body, id) {
    return this.send("message", { to: ROOM, type: "groupchat", id }, xml("body", {}, body));
  }

  /** The answer to a question; throws what xmpp.js makes of an error, which has a `condition`. */
  ask(type, to, payload) {
    return this.xmpp.iqCaller.request(xml("iq", { type, to }, payload), PATIENCE_MS);
  }

  /** The next stanza that is wanted; what came before it is forgotten. */
  hear(what, wanted) {
    return new Promise((found, failed) => {
      const over = setTimeout(() => {
        this.waiting = this.waiting.filter((waiting) => waiting !== look);
        failed(new Error(`${this.user} did not hear: ${what}`));
      }, PATIENCE_MS);
      const look = () => {
        const at = this.heard.findIndex(wanted);
        if (at < 0) return;
        clearTimeout(over);
        this.waiting = this.waiting.filter((waiting) => waiting !== look);
        found(this.heard.splice(0, at + 1).at(-1));
      };
      this.waiting.push(look);
      look();
    });
  }

  message(body) {
    return this.hear(`the message ${body}`, (s) => s.is("message") && s.getChildText("body") === body);
  }
}

/** The id that the group gave a message. */
export function stanzaId(stanza) {
  return stanza.getChildren("stanza-id", NS.stanza).find((id) => id.attrs.by === ROOM)?.attrs.id;
}
