// A connection of a browser to its XMPP server, by WebSocket (RFC 7395). It comes back by itself when it breaks. Not
// here: anything about groups.

import { client, type Client } from "@xmpp/client";
import { xml, type Element } from "@xmpp/xml";

import { bare, failure, type StanzaFailure } from "./groupchat";
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
  /** It broke, and comes back; if the server did not like what it got, with what it said. */
  offline(blame: string | undefined): void;
  stanza(stanza: Element): void;
  /** It does not come back: another device took its place, or the password is not right any more. */
  ended(condition: string): void;
}

/** How long an answer may take, and a step of the login; in milliseconds. */
const ANSWER_MAX = 20_000;
const STEP_MAX = 15_000;
/** How long to wait before the connection is tried again: at first, and at most; at first again once it has held for a while. */
const DELAY_MIN = 500;
const DELAY_MAX = 15_000;
const STEADY = 10_000;
/** After these errors there is no use in trying again. */
const FINAL = new Set(["conflict", "not-authorized", "account-disabled", "credentials-expired"]);
/** With these a server breaks off a stream for what it got (RFC 6120 §4.9.3), or a WebSocket (RFC 6455 §7.4.1). */
const OF_WHAT_WAS_SENT = new Set([
  ...["bad-format", "bad-namespace-prefix", "invalid-namespace", "invalid-xml", "not-well-formed"],
  ...["policy-violation", "restricted-xml", "unsupported-encoding", "unsupported-stanza-type"],
]);
const CLOSED_FOR_WHAT_WAS_SENT = new Set([1002, 1003, 1007, 1008, 1009]);

export class Connection implements Link {
  private client: Client;
  /** As it was typed. */
  private typed: string;
  private delay = DELAY_MIN;
  private steady: ReturnType<typeof setTimeout> | undefined;
  /** What the server said when it broke off the stream for what it got. */
  private blame: string | undefined;

  constructor(
    login: Login,
    private events: Events,
  ) {
    if (!isPrivate(login.service)) throw new Error("the way to the server is not encrypted");
    this.typed = `${login.user}@${login.domain}`;
    this.client = client({
      service: login.service,
      domain: login.domain,
      resource: deviceName(),
      timeout: STEP_MAX,
      credentials: (authenticate) =>
        authenticate({ username: inBytes(login.user), password: inBytes(login.password) }, "PLAIN"),
    });
  }

  /** As the server writes it, once it has said so (RFC 6120 §7.6.1). */
  get account(): string {
    return bare(this.client.jid?.toString() ?? this.typed);
  }

  /** Logs in for the first time; rejects if that does not work. */
  async start(): Promise<void> {
    const { client } = this;
    this.wait(DELAY_MIN);
    client.on("online", () => this.online());
    // It may send only when it has dealt with its own event.
    client.streamManagement.on("resumed", () => queueMicrotask(() => this.online()));
    client.on("stanza", (stanza) => this.events.stanza(stanza));
    client.on("disconnect", (how) => this.offline(how?.reason?.code));
    client.on("error", (error) => {
      const { condition = "" } = error as Error & { condition?: string };
      if (OF_WHAT_WAS_SENT.has(condition)) this.blame = condition;
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
    clearTimeout(this.steady);
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
    this.steady = setTimeout(() => this.wait(DELAY_MIN), STEADY);
    // To everybody: what the server keeps for this account comes now.
    this.send(xml("presence"));
    this.events.online();
  }

  private offline(code = 0): void {
    const { blame = CLOSED_FOR_WHAT_WAS_SENT.has(code) ? "policy-violation" : undefined } = this;
    this.blame = undefined;
    clearTimeout(this.steady);
    this.wait(Math.min(this.delay * 1.7, DELAY_MAX));
    if (blame !== undefined) {
      // A stream that is resumed begins with all that was not acknowledged: the same once more.
      Object.assign(this.client.streamManagement, { id: "", outbound_q: [] });
    }
    this.events.offline(blame);
  }

  /** So long is waited the next time; all who lost the same server do not come back in the same moment. */
  private wait(delay: number): void {
    this.delay = delay;
    this.client.reconnect.delay = delay * (0.5 + Math.random() / 2);
  }

  /** The network is back, says the browser. */
  private hurry = (): void => {
    if (this.client.status !== "disconnect") return;
    this.wait(DELAY_MIN);
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
