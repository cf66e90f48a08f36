// When a connection comes back, and as whom one is logged in; the library that carries it is another here.

import { webcrypto } from "node:crypto";
import { EventEmitter } from "node:events";

import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { Connection } from "../src/connection";

class Client extends EventEmitter {
  status = "offline";
  jid: string | null = null;
  reconnect = { delay: 0, stop: () => undefined, scheduleReconnect: () => undefined };
  streamManagement = Object.assign(new EventEmitter(), { id: "resumable", outbound_q: ["a stanza"] });
  start = async () => undefined;
  stop = async () => undefined;
  send = async () => undefined;
}

let client: Client;
vi.mock("@xmpp/client", () => ({ client: () => client }));

const offline = vi.fn<(blame: string | undefined) => void>();

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("crypto", webcrypto);
  vi.stubGlobal("window", new EventTarget());
  vi.stubGlobal("sessionStorage", { getItem: () => "web", setItem: () => undefined });
  client = new Client();
  offline.mockReset();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function connect(): Promise<Connection> {
  const login = { service: "wss://example.org/ws", domain: "Example.org", user: "Alice", password: "secret" };
  const nothing = () => undefined;
  const connection = new Connection(login, { online: nothing, offline, stanza: nothing, ended: nothing });
  await connection.start();
  return connection;
}

function live(seconds: number): void {
  client.status = "online";
  client.emit("online");
  vi.advanceTimersByTime(seconds * 1_000);
}

it("is of the account that the server says", async () => {
  const connection = await connect();
  expect(connection.account).toBe("Alice@Example.org");
  client.jid = "alice@example.org/web";
  expect(connection.account).toBe("alice@example.org");
});

it("waits longer each time for a server that breaks it off soon", async () => {
  await connect();
  for (let n = 0; n < 12; n++) {
    live(1);
    client.emit("disconnect", { reason: { code: 1006 } });
  }
  expect(client.reconnect.delay).toBeGreaterThan(7_000);
  live(60);
  client.emit("disconnect", undefined);
  expect(client.reconnect.delay).toBeLessThan(1_000);
});

it("tells what the server did not like, and does not resume with it", async () => {
  await connect();
  live(1);
  client.emit("error", Object.assign(new Error(), { condition: "not-well-formed" }));
  client.emit("disconnect", { reason: { code: 1000 } });
  expect(client.streamManagement).toMatchObject({ id: "", outbound_q: [] });
  live(1);
  client.emit("disconnect", { reason: { code: 1006 } });
  live(1);
  client.emit("disconnect", { reason: { code: 1009 } });
  expect(offline.mock.calls).toEqual([["not-well-formed"], [undefined], ["policy-violation"]]);
});
