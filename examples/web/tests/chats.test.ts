// What a device knows after what it heard: nothing lost, nothing twice, whatever the connection does.

import { describe, expect, it, vi } from "vitest";

import { Refused } from "../src/link";
import { chats, open, say, service, settle, tea, texts } from "./device";
import { inboxItem, SERVICE, TEA } from "./service";

const receipt = (mid: string, id: string) =>
  service.live(
    `<message from='${TEA}/${mid}' type='groupchat'><read xmlns='http://jabber.org/protocol/chatstates' id='${id}'/></message>`,
  );

describe("login", () => {
  it("announces the device before it asks", async () => {
    await chats.connected();
    expect(service.sent).toEqual([`<presence to="${SERVICE}"/>`]);
    expect(service.asked).toEqual(["ping", "inbox"]);
    expect(chats.status).toBe("online");
  });

  it("reads the end of the archive when a group is opened, and what is before when it is wanted", async () => {
    for (let n = 10; n < 70; n++) say(String(n), `said ${n}`);
    await open();
    expect(texts()).toHaveLength(50);
    await chats.loadOlder(tea());
    expect(texts()).toHaveLength(60);
    expect(texts()[0]).toBe("said 10");
    expect(tea().timeline.complete).toBe(true);
  });
});

describe("what comes", () => {
  it("asks once who one is in a group", async () => {
    await chats.connected();
    for (let n = 10; n < 60; n++) service.live(say(String(n), "words"));
    await settle();
    expect(service.asked.filter((what) => what === "memberinfo")).toHaveLength(1);
    expect(tea().unread).toBe(50);
  });

  it("is no copy of one's own words if somebody else has chosen their id", async () => {
    const group = await open();
    chats.say(group, "mine", []);
    service.live(service.store("01", "bob", service.lastId(), "<body>his</body>"));
    expect(group.selfMid).toBe("me");
    expect(group.timeline.entries).toMatchObject([{ body: "his" }, { body: "mine", state: "pending" }]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(service.sent.filter((sent) => sent.includes("mine"))).toHaveLength(2);
  });

  it("is shown once, live or kept or from the archive", async () => {
    await open();
    const copy = say("01", "Milk?");
    service.live(copy);
    service.live(
      copy
        .replace("groupchat'", "chat'")
        .replace("</message>", "<x xmlns='http://jabber.org/protocol/groupchat#offline'/></message>"),
    );
    await chats.connected();
    expect(texts()).toEqual(["Milk?"]);
  });

  it("counts until it is read, mentions apart", async () => {
    await chats.connected();
    service.live(say("01", "one"));
    service.live(say("02", "@me", "bob", "<x xmlns='jabber:x:data' type='at' id='me@lit'/>"));
    service.live(say("03", "my own words", "me"));
    await settle();
    expect(tea()).toMatchObject({ unread: 2, mentions: 1 });
    chats.read(tea());
    expect(tea()).toMatchObject({ unread: 0, mentions: 0, readId: "02" });
    expect(service.sent.at(-1)).toContain('<read xmlns="http://jabber.org/protocol/chatstates" id="02"/>');
    const before = service.sent.length;
    chats.read(tea());
    expect(service.sent).toHaveLength(before);
  });

  it("is not counted again when the inbox has counted it", async () => {
    await chats.connected();
    service.inbox = inboxItem({ last: "01", unread: 1 });
    const copy = say("01", "one");
    const again = chats.connected();
    service.live(copy);
    await again;
    await settle();
    expect(tea().unread).toBe(1);
  });

  it("tells who has read", async () => {
    await open();
    service.live(say("01", "mine", "me"));
    service.live(say("02", "mine again", "me"));
    receipt("bob", "m02");
    receipt("小红", "01");
    receipt("bob", "01");
    const counts = tea().timeline.entries.map((entry) => entry.kind === "said" && tea().readCount(entry));
    expect(counts).toEqual([2, 1]);
  });

  it("is read, where one has read it on another device, though the group was never opened", async () => {
    service.inbox = inboxItem({ last: "01", unread: 3 });
    await chats.connected();
    service.inbox = inboxItem({ last: "01" });
    receipt("me", "01");
    await settle();
    expect(tea().unread).toBe(0);
  });

  it("asks once who one is for many receipts of others", async () => {
    await chats.connected();
    for (let n = 0; n < 50; n++) receipt("bob", "m01");
    await settle();
    expect(service.asked.filter((what) => what === "memberinfo")).toHaveLength(1);
    expect(service.asked.filter((what) => what === "inbox")).toHaveLength(1);
  });

  it("asks for the inbox when nobody says who one is", async () => {
    service.inbox = inboxItem({ last: "01", unread: 3 });
    await chats.connected();
    service.inbox = inboxItem({ last: "01" });
    const { ask } = service;
    service.ask = (iq) =>
      iq.toString().includes("#memberinfo") ? Promise.reject(new Error("nothing came")) : ask.call(service, iq);
    for (let n = 0; n < 50; n++) receipt("me", "01");
    await settle();
    expect(tea().unread).toBe(0);
    expect(service.asked.filter((what) => what === "inbox").length).toBeLessThan(4);
  });

  it("leaves the list of groups when it is taken back", async () => {
    service.inbox = inboxItem({ last: "01" });
    say("01", "one");
    await open();
    service.live(say("02", "a secret"));
    expect(tea().last?.preview).toBe("a secret");
    service.live(say("03", "", "bob", "<retract xmlns='urn:xmpp:message-retract:1' id='m02'/>"));
    expect(tea().last).toMatchObject({ stanzaId: "01", preview: "one" });
    service.live(say("04", "another"));
    const moderated = `<retract xmlns='urn:xmpp:message-retract:1' id='04'><moderated xmlns='urn:xmpp:message-moderate:1'/></retract>`;
    service.live(service.store("05", "", "m05", moderated));
    expect(tea().last).toMatchObject({ stanzaId: "01", preview: "one" });
  });

  it("leaves the list of groups when it is taken back, although it never came", async () => {
    service.inbox = inboxItem({ last: "02", unread: 1 });
    await chats.connected();
    service.inbox = inboxItem({ last: "01" });
    service.live(say("03", "", "bob", "<retract xmlns='urn:xmpp:message-retract:1' id='m02'/>"));
    await settle();
    expect(tea()).toMatchObject({ unread: 0, last: { stanzaId: "01" } });
  });

  it("has events in their place, which presence does not tell", async () => {
    await open();
    service.live(say("01", "before"));
    const told =
      "<x xmlns='http://jabber.org/protocol/groupchat#updategroup'/><properties><property name='name'>High tea</property></properties>";
    service.store("02", "", "02", told);
    service.live(say("03", "after"));
    service.live(`<presence from='${TEA}'>${told}</presence>`);
    await settle();
    expect(texts()).toEqual(["before", "updategroup", "after"]);
    expect(tea().name).toBe("High tea");
  });

  it("ends a group that one is removed from", async () => {
    await chats.connected();
    service.live(
      `<presence from='${TEA}'><x xmlns='http://jabber.org/protocol/groupchat#removemember'/><item jid='me@lit' mid='me'/></presence>`,
    );
    expect(chats.groups.size).toBe(0);
  });
});

describe("catching up", () => {
  it("reads what was missed in one stream, and shows it in its order", async () => {
    say("01", "before");
    service.inbox = inboxItem({ last: "01" });
    await open();
    chats.disconnected();
    for (let n = 100; n < 350; n++) say(String(n), `missed ${n}`);
    await chats.connected();
    expect(texts()).toHaveLength(251);
    expect(texts().at(-1)).toBe("missed 349");
    expect(service.asked.filter((what) => what === "2")).toHaveLength(4);
  });

  it("starts anew when its place is not in the archive any more", async () => {
    say("01", "before");
    service.inbox = inboxItem({ last: "01" });
    await open();
    chats.disconnected();
    service.archive = [];
    say("05", "new");
    await chats.connected();
    expect(texts()).toEqual(["new"]);
  });

  it("asks again when the service stops to answer, and breaks off a dead connection", async () => {
    await chats.connected();
    service.down = true;
    await vi.advanceTimersByTimeAsync(46_000);
    expect(chats.status).toBe("waiting");
    service.down = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(chats.status).toBe("online");
    service.ask = () => Promise.reject(new Error("nothing came"));
    await vi.advanceTimersByTimeAsync(46_000);
    expect(service.resets).toBe(1);
  });

  const busy = () => new Refused({ condition: "resource-constraint", type: "wait", text: "", by: SERVICE });

  it("asks a busy service less and less often", async () => {
    const { ask } = service;
    let [asked, isBusy] = [0, true];
    service.ask = async (iq) => {
      if (!iq.toString().includes("#inbox") || !isBusy) return ask.call(service, iq);
      asked++;
      throw busy();
    };
    await chats.connected();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(asked).toBeGreaterThan(10);
    expect(asked).toBeLessThan(60);
    isBusy = false;
    await vi.advanceTimersByTimeAsync(31_000);
    expect(chats.status).toBe("online");
  });

  it("does not ask in step with all others", async () => {
    const times: number[] = [];
    for (const random of [0, 0.99]) {
      vi.spyOn(Math, "random").mockReturnValue(random);
      service.down = true;
      await chats.connected();
      const [begin, asked] = [Date.now(), service.asked.length];
      while (service.asked.length === asked) await vi.advanceTimersByTimeAsync(10);
      times.push(Date.now() - begin);
      chats.disconnected();
    }
    vi.restoreAllMocks();
    expect(times[1]! - times[0]!).toBeGreaterThan(400);
  });

  it("goes on with the page that was refused", async () => {
    say("01", "before");
    service.inbox = inboxItem({ last: "01" });
    await open();
    chats.disconnected();
    for (let n = 100; n < 350; n++) say(String(n), `missed ${n}`);
    const { ask } = service;
    const pages: string[] = [];
    service.ask = async (iq) => {
      const [, after] = /<after>(.*)<[/]after>/.exec(iq.toString()) ?? [];
      if (after && pages.push(after) === 2) throw busy();
      return ask.call(service, iq);
    };
    await chats.connected();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(pages.slice(0, 4)).toEqual(["01", "199", "199", "299"]);
    expect(texts()).toHaveLength(251);
  });
});
