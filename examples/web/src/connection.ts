// A connection of a browser to its XMPP server, by WebSocket (RFC 7395). It comes back by itself when it breaks. Not
// here: anything about groups.

import { client, type Client } from "@xmpp/client";
import { xml, type Element } from "@xmpp/xml";

import { failure, type StanzaFailure } from "./groupchat";
import { Refused, type Link } from "./link";

/** Who logs in, and where. */
export interface Login {
  /** Where the WebSocket is. */
  service: string;
  domain: string;
  user: string;
  password: string;
}

/** What is told of a connection. */
export interface Events {
  online(): void;
  offline(): void;
  stanza(stanza: Element): void;
  /** It does not come back: another device took its place, or the password is not right any more. */
  ended(condition: string): void;
}

/** How long an answer may take, and a step of the login; in milliseconds. */
const ANSWER_MAX = 20_000;
const STEP_MAX = 15_000;
/** How long to wait before the connection is tried again: at first, and at most. */
const DELAY_MIN = 500;
const DELAY_MAX = 15_000;
/** After these errors there is no use in trying again. */
const FINAL = new Set(["conflict", "not-authorized", "account-disabled", "credentials-expired"]);

export class Connection implements Link {
  readonly account: string;
  private client: Client;

  constructor(
    login: Login,
    private events: Events,
  ) {
    if (!isPrivate(login.service)) throw new Error("the way to the server is not encrypted");
    this.account = `${login.user}@${login.domain}`;
    this.client = client({
      service: login.service,
      domain: login.domain,
      resource: deviceName(),
      timeout: STEP_MAX,
      credentials: (authenticate) =>
        authenticate({ username: inBytes(login.user), password: inBytes(login.password) }, "PLAIN"),
    });
  }

  /** Logs in for the first time; rejects if that does not work. */
  async start(): Promise<void> {
    const { client } = this;
    client.reconnect.delay = DELAY_MIN;
    client.on("online", () => this.online());
    // It may send only when it has dealt with its own event.
    client.streamManagement.on("resumed", () => queueMicrotask(() => this.online()));
    client.on("stanza", (stanza) => this.events.stanza(stanza));
    client.on("disconnect", () => {
      client.reconnect.delay = Math.min(client.reconnect.delay * 1.7, DELAY_MAX);
      this.events.offline();
    });
    client.on("error", (error) => {
      const { condition = "" } = error as Error & { condition?: string };
      if (!FINAL.has(condition)) return;
      void this.stop();
      this.events.ended(condition);
    });
    window.addEventListener("online", this.hurry);
    try {
      await client.start();
    } catch (problem) {
      await this.stop();
      throw problem;
    }
  }

  /** Logs out. */
  async stop(): Promise<void> {
    window.removeEventListener("online", this.hurry);
    this.client.reconnect.stop();
    await this.client.stop().catch(() => undefined);
  }

  send(stanza: Element): void {
    if (this.client.status !== "online") return;
    this.client.send(stanza).catch(() => undefined);
  }

  async ask(iq: Element): Promise<Element> {
    if (this.client.status !== "online") throw new Error("not connected");
    iq.attrs.id = crypto.randomUUID();
    try {
      return await this.client.iqCaller.request(iq, ANSWER_MAX);
    } catch (problem) {
      const { element } = problem as { element?: Element };
      throw element ? new Refused(refusal(element)) : problem;
    }
  }

  reset(): void {
    this.client.disconnect().catch(() => undefined);
  }

  private online(): void {
    this.client.reconnect.delay = DELAY_MIN;
    // To everybody: what the server keeps for this account comes now.
    this.send(xml("presence"));
    this.events.online();
  }

  /** The network is back, says the browser. */
  private hurry = (): void => {
    if (this.client.status !== "disconnect") return;
    this.client.reconnect.delay = DELAY_MIN;
    this.client.reconnect.scheduleReconnect();
  };
}

/** Nobody reads the password on the way. */
function isPrivate(service: string): boolean {
  const { protocol, hostname } = new URL(service);
  return protocol === "wss:" || ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}

function refusal(error: Element): StanzaFailure {
  return failure(xml("iq", {}, error));
}

/** The same after a reload and after a lost connection: the service knows by it what was sent twice. */
function deviceName(): string {
  const known = sessionStorage.getItem("device");
  const name = known ?? `web-${crypto.randomUUID().slice(0, 8)}`;
  sessionStorage.setItem("device", name);
  return name;
}

/** Each byte of the text as one character: xmpp.js encodes nothing else for logging in. */
function inBytes(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
