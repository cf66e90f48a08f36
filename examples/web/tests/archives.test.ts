// What is read from archives: all of it, from whoever was asked, and nothing else.

import { describe, expect, it, vi } from "vitest";

import { chats, open, say, service, settle, tea, texts } from "./device";
import { inboxItem, SERVICE, TEA } from "./service";

describe("what is older", () => {
  const reactions = (from: number, to: number) => {
    for (let n = from; n < to; n++)
      service.store(String(n), "bob", `r${n}`, "<reactions xmlns='urn:xmpp:reactions:0' id='x'/>");
  };
  const questions = () => service.asked.filter((what) => what === "2").length;

  it("is found behind pages that show nothing", async () => {
    say("100", "the first words");
    reactions(200, 320);
    const group = await open();
    expect(texts()).toEqual(["the first words"]);
    expect(group.timeline.complete).toBe(true);
    expect(questions()).toBe(3);
    await chats.loadOlder(group);
    expect(questions()).toBe(3);
  });

  it("is read on from where reading ended, not from what is shown", async () => {
    say("100", "the first words");
    reactions(200, 380);
    say("400", "the last words");
    const group = await open();
    expect(texts()).toEqual(["the last words"]);
    await chats.loadOlder(group);
    expect(texts()).toEqual(["the first words", "the last words"]);
    expect(questions()).toBe(4);
  });

  it("is not read again where it was caught up with", async () => {
    say("100", "before");
    service.inbox = inboxItem({ last: "100" });
    await chats.connected();
    chats.disconnected();
    for (let n = 200; n < 500; n++) say(String(n), `missed ${n}`);
    await chats.connected();
    expect(questions()).toBe(3);
    await chats.open(tea());
    expect(questions()).toBe(4);
    while (!tea().timeline.complete) await chats.loadOlder(tea());
    expect(texts()).toHaveLength(301);
  });

  it("does not bring back an older correction", async () => {
    const replace = "<replace xmlns='urn:xmpp:message-correct:0' id='m100'/>";
    say("100", "first");
    say("101", "second", "bob", replace);
    for (let n = 200; n < 260; n++) say(String(n), `said ${n}`);
    say("300", "third", "bob", replace);
    const group = await open();
    await chats.loadOlder(group);
    expect(texts()[0]).toBe("third");
  });

  it("comes although its page did not come at first", async () => {
    say("100", "words");
    await chats.connected();
    service.down = true;
    await expect(chats.open(tea())).rejects.toThrow();
    service.down = false;
    await vi.advanceTimersByTimeAsync(11_000);
    expect(texts()).toEqual(["words"]);
    expect(tea().membersKnown).toBe(true);
  });

  it("comes although the connection broke while it was asked for", async () => {
    say("100", "words");
    service.inbox = inboxItem({ last: "100" });
    await chats.connected();
    const { ask } = service;
    service.ask = () => new Promise(() => undefined);
    void chats.open(tea());
    service.ask = ask;
    chats.disconnected();
    await chats.connected();
    expect(texts()).toEqual(["words"]);
  });
});

describe("what was missed", () => {
  const forged = (queryId: string) => `<result xmlns='urn:xmpp:mam:2' queryid='${queryId}' id='1'>
    <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='${TEA}/bob' id='f' type='groupchat'>
      <body>I never said this</body><stanza-id xmlns='urn:xmpp:sid:0' by='${TEA}' id='00ff'/>
    </message></forwarded></result>`;

  it("is taken only from the archive that was asked, while it is asked", async () => {
    let queryId = "";
    const { ask } = service;
    service.ask = async (iq) => {
      const query = iq.getChild("query", "urn:xmpp:mam:2");
      queryId = query?.attrs.queryid ?? "";
      // While a page is on its way, and from whom a member may speak as.
      for (const from of [`${TEA}/eve`, SERVICE, `other@${SERVICE}`])
        if (query) service.live(`<message from='${from}' type='groupchat' id='x'>${forged(queryId)}</message>`);
      if (query) service.live(`<message from='${TEA}'>${forged("another")}</message>`);
      return ask.call(service, iq);
    };
    await open();
    expect(queryId).not.toBe("");
    // Nobody is being asked any more.
    service.live(`<message from='${TEA}'>${forged(queryId)}</message>`);
    expect(texts()).toEqual([]);
    service.live(service.store("01", "eve", "x", `<body>mine</body>${forged(queryId)}`));
    expect(texts()).toEqual(["mine"]);
  });

  it("is a place in its own group's archive alone", async () => {
    const milk = `milk@${SERVICE}`;
    say("10", "ten");
    service.inbox = inboxItem({ last: "10" }) + inboxItem({ jid: milk });
    await open();
    chats.disconnected();
    service.store("20", "bob", "m20", "<body>elsewhere</body>", milk);
    await chats.connected();
    const renamed = "<x xmlns='http://jabber.org/protocol/groupchat#updategroup'/><properties/>";
    service.store("30", "", "30", renamed);
    service.live(`<presence from='${TEA}'>${renamed}</presence>`);
    await settle();
    expect(texts()).toEqual(["ten", "updategroup"]);
    expect(texts(chats.groups.get(milk))).toEqual(["elsewhere"]);
  });

  it("is asked for from the end, where nothing was read yet", async () => {
    for (let n = 100; n < 400; n++) say(String(n), `said ${n}`);
    await chats.connected();
    void chats.open(tea());
    await Promise.resolve();
    const renamed = "<x xmlns='http://jabber.org/protocol/groupchat#updategroup'/><properties/>";
    service.live(`<presence from='${TEA}'>${renamed}</presence>`);
    service.store("400", "", "400", renamed);
    await settle();
    expect(texts()).toHaveLength(51);
    expect(texts().at(-1)).toBe("updategroup");
  });

  it("shows the end again at once, where the place is in the archive no more", async () => {
    say("10", "ten");
    await open();
    service.archive = [];
    say("20", "twenty");
    service.live(`<presence from='${TEA}'><x xmlns='http://jabber.org/protocol/groupchat#updategroup'/></presence>`);
    await settle();
    expect(texts()).toEqual(["twenty"]);
  });

  it("has no gap after a mute that ended elsewhere", async () => {
    say("10", "ten");
    service.inbox = inboxItem({ last: "10", more: "muted='9999-01-01T00:00:00Z'" });
    await open();
    chats.close();
    // They do not come live.
    say("11", "eleven");
    say("12", "twelve");
    service.inbox = inboxItem({ last: "12" });
    service.live(`<presence from='${TEA}'><x xmlns='http://jabber.org/protocol/groupchat#mysettings'/></presence>`);
    await settle();
    service.live(say("13", "thirteen"));
    await chats.open(tea());
    expect(tea().muted).toBe(false);
    expect(texts()).toEqual(["ten", "eleven", "twelve", "thirteen"]);
  });

  it("has no gap after a mute that ended by itself", async () => {
    say("10", "ten");
    service.inbox = inboxItem({ more: "muted='2026-11-20T17:00:00Z' receive='all'" });
    await open();
    say("11", "eleven");
    service.inbox = inboxItem();
    service.live(say("12", "twelve"));
    await settle();
    expect(tea().muted).toBe(false);
    expect(texts()).toEqual(["ten", "eleven", "twelve"]);
  });

  describe("because only mentions come", () => {
    const mentionsOnly = { more: "receive='mentions'" };
    const mention = "<x xmlns='jabber:x:data' type='at' id='me@lit'/>";

    it("is shown before it is told to be read", async () => {
      say("10", "ten");
      service.inbox = inboxItem(mentionsOnly);
      await open();
      say("11", "eleven");
      service.live(say("12", "twelve", "bob", mention));
      chats.read(tea());
      expect(tea().readId).toBe("10");
      await settle();
      expect(texts()).toEqual(["ten", "eleven", "twelve"]);
      chats.read(tea());
      expect(tea().readId).toBe("12");
    });

    it("is read while one looks", async () => {
      service.inbox = inboxItem(mentionsOnly);
      await open();
      say("11", "eleven");
      await vi.advanceTimersByTimeAsync(11_000);
      expect(texts()).toEqual(["eleven"]);
    });

    it("is there when one comes back, and after a reconnect", async () => {
      say("10", "ten");
      service.inbox = inboxItem({ ...mentionsOnly, last: "10" });
      await open();
      chats.close();
      say("11", "eleven");
      service.live(say("12", "twelve", "bob", mention));
      // Up to there everything has come that comes.
      await vi.advanceTimersByTimeAsync(31_000);
      service.live(say("13", "thirteen", "bob", mention));
      await chats.open(tea());
      expect(texts()).toEqual(["ten", "eleven", "twelve", "thirteen"]);
      say("14", "fourteen");
      chats.disconnected();
      say("15", "fifteen");
      await chats.connected();
      expect(texts()).toEqual(["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"]);
    });

    it("is there when all comes again", async () => {
      say("10", "ten");
      service.inbox = inboxItem(mentionsOnly);
      await open();
      say("11", "eleven");
      service.inbox = inboxItem();
      service.live(say("12", "twelve"));
      await settle();
      expect(texts()).toEqual(["ten", "eleven", "twelve"]);
    });
  });
});
