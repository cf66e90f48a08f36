// A device and its service, anew for each test of a file that imports this, with the words in which those tests speak.

import { webcrypto } from "node:crypto";

import { afterEach, beforeEach, vi } from "vitest";

import { Chats } from "../src/chats";
import type { Group } from "../src/group";
import { Service, SERVICE, TEA } from "./service";

export let service: Service;
export let chats: Chats;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("crypto", webcrypto);
  service = new Service();
  chats = new Chats(service, SERVICE);
  service.deliver = (stanza) => chats.received(stanza);
});

afterEach(() => {
  chats.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

export const tea = (): Group => chats.groups.get(TEA)!;

/** What is shown of a group, in its order. */
export const texts = (group = tea()): string[] =>
  group.timeline.entries.map((entry) => (entry.kind === "said" ? entry.body : entry.event.operation));

/** Somebody says something in the group; gives the live copy. */
export const say = (id: string, text: string, mid = "bob", more = ""): string =>
  service.store(id, mid, `m${id}`, `<body>${text}</body>${more}`);

/** Whatever can go on without time passing goes on. */
export const settle = () => vi.advanceTimersByTimeAsync(0);

/** Logs in and looks at the group. */
export async function open(): Promise<Group> {
  await chats.connected();
  await chats.open(tea());
  return tea();
}
