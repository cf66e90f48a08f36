// One order, each thing once, corrections and retractions in whatever order they are read.

import { beforeEach, expect, it } from "vitest";

import type { GroupMessage } from "../src/groupchat";
import { Timeline, type Said } from "../src/timeline";

const TEA = "tea@groupchat.lit";

function message(part: Partial<GroupMessage>): GroupMessage {
  return {
    kind: "message",
    group: TEA,
    mid: "bob",
    id: `id-${part.stanzaId}`,
    stanzaId: undefined,
    stamp: new Date(0),
    body: part.stanzaId,
    mentions: { all: false, addresses: [] },
    corrects: undefined,
    retracts: undefined,
    retracted: false,
    ...part,
  };
}

function pending(id: string): Said {
  const mentions = { all: false, addresses: [] };
  return {
    kind: "said",
    id,
    mid: "me",
    stanzaId: undefined,
    at: new Date(),
    body: id,
    mentions,
    state: "pending",
    corrected: false,
    retracted: false,
  };
}

let timeline: Timeline;
beforeEach(() => {
  timeline = new Timeline();
});

const bodies = () => timeline.entries.map((entry) => (entry.kind === "said" ? entry.body : entry.event.operation));

it("sorts, and takes each thing once", () => {
  for (const stanzaId of ["03", "01", "02", "01"]) timeline.add(message({ stanzaId }));
  expect(timeline.add(message({ stanzaId: "02" }))).toBe(false);
  timeline.addEvent({
    kind: "event",
    group: TEA,
    operation: "addmember",
    stanzaId: "015",
    stamp: undefined,
    properties: {},
    items: [],
    codes: [],
  });
  expect(bodies()).toEqual(["01", "addmember", "02", "03"]);
  expect(timeline.oldest).toBe("01");
});

it("keeps what waits at the end, until its copy takes the place", () => {
  timeline.add(message({ stanzaId: "01" }));
  timeline.addPending(pending("mine"));
  timeline.add(message({ stanzaId: "02" }));
  expect(bodies()).toEqual(["01", "02", "mine"]);
  timeline.add(message({ stanzaId: "015", mid: "me", id: "mine", body: "mine" }));
  expect(bodies()).toEqual(["01", "mine", "02"]);
  expect(timeline.entries).toHaveLength(3);
});

it("does not take somebody else's message of the same id for one's own", () => {
  timeline.addPending(pending("1"));
  timeline.add(message({ stanzaId: "01", id: "1", mid: "bob", body: "his" }));
  expect(bodies()).toEqual(["his", "1"]);
});

it("corrects by the author alone, before and after the message is read", () => {
  timeline.add(message({ stanzaId: "02" }));
  timeline.add(message({ stanzaId: "03", corrects: "id-02", body: "right" }));
  timeline.add(message({ stanzaId: "04", corrects: "id-02", body: "forged", mid: "eve" }));
  timeline.add(message({ stanzaId: "05", corrects: "id-01", body: "earlier" }));
  timeline.add(message({ stanzaId: "01" }));
  expect(bodies()).toEqual(["earlier", "right"]);
});

it("takes back by the author or the group, and shows what the archive says so of", () => {
  for (const stanzaId of ["01", "02", "03"]) timeline.add(message({ stanzaId }));
  timeline.add(message({ stanzaId: "04", retracts: "01" }));
  timeline.add(message({ stanzaId: "05", retracts: "02", mid: "eve" }));
  timeline.addEvent({
    kind: "event",
    group: TEA,
    operation: "moderation",
    stanzaId: "06",
    stamp: undefined,
    properties: { id: "03" },
    items: [],
    codes: [],
  });
  timeline.add(message({ stanzaId: "07", body: undefined, retracted: true }));
  const retracted = timeline.entries.map((entry) => entry.kind === "said" && entry.retracted);
  expect(retracted).toEqual([true, false, true, true]);
});

it("does not show what is not stored", () => {
  expect(timeline.add(message({ stanzaId: undefined, body: "x" }))).toBe(false);
  expect(timeline.add(message({ stanzaId: "01", body: undefined }))).toBe(false);
  expect(timeline.entries).toEqual([]);
});

it("shows the newest correction, in whatever order they are read", () => {
  timeline.add(message({ stanzaId: "01" }));
  timeline.add(message({ stanzaId: "07", corrects: "id-01", body: "third" }));
  timeline.add(message({ stanzaId: "04", corrects: "01", body: "second" }));
  expect(bodies()).toEqual(["third"]);
  timeline.clear();
  timeline.add(message({ stanzaId: "01" }));
  expect(bodies()).toEqual(["third"]);
  timeline.add(message({ stanzaId: undefined, corrects: "id-01", body: "not stored" }));
  expect(bodies()).toEqual(["not stored"]);
});

it("knows by the author whose message an id means", () => {
  timeline.add(message({ stanzaId: "01", id: "1", mid: "eve", body: "hers" }));
  timeline.add(message({ stanzaId: "02", id: "1", body: "his" }));
  timeline.add(message({ stanzaId: "03", corrects: "1", body: "his own" }));
  expect(bodies()).toEqual(["hers", "his own"]);
  timeline.add(message({ stanzaId: "04", retracts: "1" }));
  expect(timeline.entries).toMatchObject([{ retracted: false }, { retracted: true }]);
  expect(timeline.find("1", "bob")?.stanzaId).toBe("02");
  expect(timeline.find("01", "bob")?.stanzaId).toBe("01");
});

it("takes nothing back for the group by an id that a member chose", () => {
  const moderation = { kind: "event", group: TEA, operation: "moderation", items: [], codes: [] } as const;
  const event = { ...moderation, items: [], codes: [], stanzaId: "09", stamp: undefined, properties: { id: "01" } };
  timeline.add(message({ stanzaId: "02", id: "01" }));
  timeline.addEvent(event);
  timeline.add(message({ stanzaId: "01", id: "x" }));
  timeline.add(message({ stanzaId: "03", id: "01" }));
  expect(timeline.entries).toMatchObject([{ retracted: true }, { retracted: false }, { retracted: false }]);
});
