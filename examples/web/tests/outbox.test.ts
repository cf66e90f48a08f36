// What one says on this device: stored once, in its order, whatever the connection does; or given up and said so.

import { describe, expect, it, vi } from "vitest";

import { Chats } from "../src/chats";
import { chats, open, say, service, settle, texts } from "./device";
import { inboxItem, SERVICE, TEA } from "./service";

describe("what one says", () => {
  it("is safe when its copy is back", async () => {
    const group = await open();
    chats.say(group, "Lemon", []);
    expect(group.timeline.entries).toMatchObject([{ body: "Lemon", state: "pending" }]);
    service.live(service.store("01", "me", service.lastId(), "<body>Lemon</body>"));
    expect(group.timeline.entries).toMatchObject([{ body: "Lemon", state: "stored", stanzaId: "01" }]);
  });

  it("is sent again with the same id while nothing comes back", async () => {
    const group = await open();
    chats.say(group, "Lemon", []);
    const first = service.sent.at(-1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(service.sent.at(-1)).toBe(first);
    expect(service.sent.filter((sent) => sent === first)).toHaveLength(2);
    service.live(service.store("01", "me", service.lastId(), "<body>Lemon</body>"));
    await vi.advanceTimersByTimeAsync(600_000);
    expect(service.sent.filter((sent) => sent === first)).toHaveLength(2);
  });

  it("waits while the connection is gone", async () => {
    const group = await open();
    chats.disconnected();
    const before = service.sent.length;
    chats.say(group, "said without a connection", []);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(service.sent).toHaveLength(before);
    await chats.connected();
    expect(service.sent.at(-1)).toContain("said without a connection");
  });

  it("goes behind what was said without a connection", async () => {
    service.inbox = inboxItem({ last: "01" });
    say("01", "before");
    const group = await open();
    chats.disconnected();
    chats.say(group, "first", []);
    const connected = chats.connected();
    while (chats.status !== "online") await Promise.resolve();
    chats.say(group, "second", []);
    await connected;
    const said = service.sent.flatMap((sent) => /<body>(.*)<[/]body>/.exec(sent)?.[1] ?? []);
    expect(said).toEqual(["first", "second"]);
  });

  it("goes although the group that is open cannot be read", async () => {
    const group = await open();
    chats.disconnected();
    chats.say(group, "first", []);
    const { ask } = service;
    service.ask = (iq) =>
      iq.toString().includes("#members") ? Promise.reject(new Error("nothing came")) : ask.call(service, iq);
    await chats.connected();
    expect(chats.status).toBe("online");
    expect(service.sent.at(-1)).toContain("first");
  });

  it("is not sent again when the archive has it", async () => {
    const group = await open();
    chats.say(group, "on its way", []);
    const id = service.lastId();
    chats.disconnected();
    service.store("01", "me", id, "<body>on its way</body>");
    const before = service.sent.length;
    await chats.connected();
    expect(texts()).toEqual(["on its way"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(service.sent.slice(before).filter((sent) => sent.includes("<body>"))).toEqual([]);
  });

  it("waits while the service is away, and goes when it is back", async () => {
    const group = await open();
    service.down = true;
    chats.say(group, "Lemon", []);
    const first = service.sent.at(-1);
    const refusal = `<message from='${TEA}' type='error' id='${service.lastId()}'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`;
    service.live(refusal);
    expect(chats.status).toBe("waiting");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(chats.status).toBe("waiting");
    expect(group.timeline.entries).toMatchObject([{ state: "pending" }]);
    service.down = false;
    await vi.advanceTimersByTimeAsync(6_000);
    expect(chats.status).toBe("online");
    expect(service.sent.filter((sent) => sent === first)).toHaveLength(2);
  });

  it("is given up when a server refuses it in the service's place", async () => {
    const group = await open();
    chats.say(group, "Lemon", []);
    service.live(
      `<message from='${TEA}' type='error' id='${service.lastId()}'><error type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
    );
    await settle();
    expect(chats.status).toBe("online");
    expect(group.timeline.entries).toMatchObject([{ state: "refused", failure: { condition: "not-acceptable" } }]);
    const before = service.sent.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(service.sent).toHaveLength(before);
  });

  it("waits when a server forbids the way to a service that is away", async () => {
    const group = await open();
    chats.say(group, "Lemon", []);
    service.down = true;
    service.live(
      `<message from='${TEA}' type='error' id='${service.lastId()}'><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
    );
    await settle();
    expect(chats.status).toBe("waiting");
    expect(group.timeline.entries).toMatchObject([{ state: "pending" }]);
  });

  it("is not given up while the connection is gone, however long", async () => {
    const group = await open();
    chats.say(group, "on its way", []);
    chats.disconnected();
    const before = service.sent.length;
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(service.sent).toHaveLength(before);
    expect(group.timeline.entries).toMatchObject([{ state: "pending" }]);
    await chats.connected();
    expect(service.sent.at(-1)).toContain("on its way");
    expect(group.timeline.entries).toMatchObject([{ state: "pending" }]);
  });

  it("and has not sent is forgotten with the log-out", async () => {
    const group = await open();
    group.draft = "Dear";
    chats.stop();
    const next = new Chats(service, SERVICE);
    await next.connected();
    expect(next.groups.get(TEA)?.draft).toBe("");
    next.stop();
  });

  it("is given up when the server breaks the stream over it, alone", async () => {
    const group = await open();
    chats.disconnected();
    for (const text of ["before", "not to the server's taste", "behind"]) chats.say(group, text, []);
    const states = () => group.timeline.entries.map((entry) => entry.kind === "said" && entry.state);
    let session = 0;
    for (; session < 10 && states().includes("pending"); session++) {
      const from = service.sent.length;
      await chats.connected();
      for (let n = from; n < service.sent.length; n++) {
        const sent = service.sent[n]!;
        if (sent.includes("taste")) {
          chats.disconnected("policy-violation");
          break;
        }
        const [, id = ""] = / id="([^"]+)"/.exec(sent) ?? [];
        if (sent.includes("<body>")) service.live(service.store(String(10 + n), "me", id, "<body>x</body>"));
      }
    }
    expect(states()).toEqual(["stored", "stored", "refused"]);
    expect(session).toBeLessThan(6);
  });

  it("is not given up for a connection that breaks by itself", async () => {
    const group = await open();
    chats.say(group, "on its way", []);
    for (let n = 0; n < 10; n++) {
      chats.disconnected();
      await chats.connected();
    }
    expect(group.timeline.entries).toMatchObject([{ state: "pending" }]);
  });

  it("is given up when it is refused, and can be tried again", async () => {
    const group = await open();
    chats.say(group, "@all", []);
    service.live(
      `<message from='${TEA}' type='error' id='${service.lastId()}'><error type='auth' by='${TEA}'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
    );
    expect(group.timeline.entries).toMatchObject([{ state: "refused", failure: { condition: "forbidden" } }]);
    const before = service.sent.length;
    chats.sayAgain(service.lastId());
    await settle();
    expect(group.timeline.entries).toMatchObject([{ state: "pending" }]);
    expect(service.sent.slice(before).join()).toContain("@all");
  });
});
