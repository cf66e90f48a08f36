// What is sent and how what comes is read; the stanzas are those of docs/protocol.md.

import { describe, expect, it } from "vitest";

import * as gc from "../src/groupchat";
import { stanza } from "./stanza";

const SERVICE = "groupchat.shakespeare.lit";
const TEA = `tea@${SERVICE}`;

describe("addresses", () => {
  it("are taken apart", () => {
    expect(gc.bare(`${TEA}/a/b`)).toBe(TEA);
    expect(gc.resource(`${TEA}/a/b`)).toBe("a/b");
    expect(gc.resource(TEA)).toBe("");
    expect(gc.localpart("测试群@groupchat.lit/x")).toBe("测试群");
    expect(gc.localpart(SERVICE)).toBe("");
    expect(gc.domain(`${TEA}/a@b`)).toBe(SERVICE);
  });

  it("survive in a URI", () => {
    for (const address of [`${TEA}/bob`, "小红@localhost", `a%b@${SERVICE}/with space?and#more`]) {
      const written = gc.uri(address);
      expect(written).toMatch(/^xmpp:[!-~]+$/);
      expect(gc.addressOf(written)).toBe(address);
    }
    expect(gc.addressOf("xmpp:%ff")).toBeUndefined();
  });
});

describe("requests", () => {
  it("post with mentions", () => {
    const sent = gc.post(TEA, "m1", "@bob <b>", [
      { address: `${TEA}/bob`, begin: 0, end: 4 },
      { address: "all", begin: 0, end: 0 },
    ]);
    expect(sent.toString()).toBe(
      `<message to="${TEA}" type="groupchat" id="m1"><body>@bob &lt;b&gt;</body>` +
        `<reference xmlns="urn:xmpp:reference:0" type="mention" begin="0" end="4" uri="xmpp:tea@${SERVICE}/bob"/>` +
        `<x xmlns="jabber:x:data" type="at" id="all"/></message>`,
    );
  });

  it("have no character that is not XML, wherever it was pasted", () => {
    const pasted = "a\u0000\u000b\ud800b\uffff\udc00\u001f\u{1F375}\n\t";
    const legal = "ab\u{1F375}\n\t";
    const sent = [
      gc.post(TEA, pasted, pasted, [{ address: `${TEA}/${pasted}`, begin: 0, end: 1 }]),
      gc.createGroup(SERVICE, pasted, [`${pasted}@lit`]),
      gc.renameGroup(TEA, pasted),
      gc.addMembers(TEA, [pasted]),
      gc.memberQuery(TEA, pasted),
      gc.archiveQuery(TEA, pasted, { max: 1, after: pasted }),
    ];
    for (const request of sent) expect(request.toString()).not.toMatch(/[\u0000\u000b\u001f\uffff]|\p{Cs}/u);
    expect(sent[0]!.getChildText("body")).toBe(legal);
    expect(sent[2]!.toString()).toContain(legal);
  });

  it("post mentions at their place in what is said", () => {
    const sent = gc.post(TEA, "m1", "\u000b🍵\u000b@bob\u000b", [{ address: `${TEA}/bob`, begin: 3, end: 7 }]);
    expect(sent.getChildText("body")).toBe("🍵@bob");
    expect(sent.getChild("reference")?.attrs).toMatchObject({ begin: "1", end: "5" });
  });

  it("create with and without members", () => {
    const query = (members: string[]) =>
      gc.createGroup(SERVICE, "Tea", members).getChild("query", `${gc.GC}#creategroup`);
    expect(query([])?.getChild("properties")?.getChildren("property")).toHaveLength(1);
    const told = query(["bob@shakespeare.lit"])?.getChild("properties")?.getChildren("property");
    expect(told?.[1]?.getChild("item")?.attrs.jid).toBe("bob@shakespeare.lit");
  });

  it("ask for pages of an archive", () => {
    const set = (page: gc.ArchivePage) =>
      gc.archiveQuery(TEA, "q", page).getChild("query")?.getChild("set")?.toString();
    expect(set({ max: 5, before: "" })).toContain("<max>5</max><before/>");
    expect(set({ max: 5, after: "0a" })).toContain("<max>5</max><after>0a</after>");
    const since = gc.archiveQuery(TEA, "q", { max: 1, start: new Date(0) });
    expect(since.toString()).toContain('<field var="start"><value>1970-01-01T00:00:00.000Z</value></field>');
  });
});

describe("answers", () => {
  it("tell the inbox", () => {
    const { items, next } = gc.readInbox(
      stanza(`<iq type='result'><query xmlns='${gc.GC}#inbox' unread='1'>
        <item id='milk' jid='milk@${SERVICE}' name='Milk' role='owner' unread='1' mentions='2' receive='all' muted='2099-01-01T00:00:00Z'>
          <last stanza-id='000660b833d35200' stamp='2026-11-20T17:02:00.000Z' from='milk@${SERVICE}/alice'>milk</last></item>
        <item id='tea' jid='${TEA}' name='Tea' role='member' unread='0' mentions='0' read-id='00' receive='all'/>
        <set xmlns='http://jabber.org/protocol/rsm'><last>tea</last></set></query></iq>`),
    );
    expect(next).toBe("tea");
    expect(items[0]).toMatchObject({
      name: "Milk",
      role: "owner",
      unread: 1,
      mentions: 2,
      muted: true,
      readId: undefined,
    });
    expect(items[0]?.last).toMatchObject({ stanzaId: "000660b833d35200", mid: "alice", preview: "milk" });
    expect(items[1]).toMatchObject({ role: "member", muted: false, readId: "00", last: undefined });
  });

  it("tell who has read", () => {
    const answer = stanza(
      `<iq type='result'><query xmlns='${gc.GC}#receipts'><item mid='alice' stamp='x'/><count read='1' unread='1'/></query></iq>`,
    );
    expect(gc.readReceipts(answer)).toEqual({ mids: ["alice"], read: 1, unread: 1 });
  });

  it("tell a service of groups from others", () => {
    const answer = (feature: string) =>
      stanza(
        `<iq><query xmlns='http://jabber.org/protocol/disco#info'><identity category='groupchat' type='text' name='Groups'/><feature var='${feature}'/></query></iq>`,
      );
    expect(gc.serviceName(answer(`${gc.GC}#inbox`))).toBe("Groups");
    expect(gc.serviceName(answer("urn:xmpp:ping"))).toBeUndefined();
  });

  it("tell what is wrong, with and without the legacy error inside", () => {
    const outer =
      "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>there is no such group</text></error>";
    const expected = { condition: "item-not-found", type: "cancel", text: "there is no such group" };
    expect(gc.failure(stanza(`<iq type='error'>${outer}</iq>`))).toEqual(expected);
    expect(
      gc.failure(
        stanza(`<iq type='error'><query xmlns='${gc.GC}#groupinfo'><error type='cancel'/></query>${outer}</iq>`),
      ),
    ).toEqual(expected);
  });
});

describe("news", () => {
  const live = (text: string) => gc.readNews(stanza(text), SERVICE);

  it("are messages", () => {
    const copy = `<body>Milk?</body><stanza-id xmlns='urn:xmpp:sid:0' by='${TEA}' id='0a'/>`;
    const expected = { kind: "message", group: TEA, mid: "alice", id: "m1", stanzaId: "0a", body: "Milk?" };
    expect(live(`<message from='${TEA}/alice' type='groupchat' id='m1'>${copy}</message>`)).toMatchObject(expected);
    const kept = `${copy}<x xmlns='${gc.GC}#offline'/><delay xmlns='urn:xmpp:delay' stamp='2026-11-20T17:00:00Z'/>`;
    const absent = live(`<message from='${TEA}/alice' type='chat' id='m1'>${kept}</message>`);
    expect(absent).toMatchObject({ ...expected, stamp: new Date("2026-11-20T17:00:00Z") });
  });

  it("are not what others could have made up", () => {
    const forged = `<message from='${TEA}/alice' type='groupchat' id='m1'><body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='eve@shakespeare.lit' id='0a'/></message>`;
    expect(live(forged)).toMatchObject({ stanzaId: undefined });
    expect(live("<message from='eve@shakespeare.lit/x' type='groupchat'><body>x</body></message>")).toBeUndefined();
    expect(live(`<message from='${TEA}/alice' type='chat' id='p1'><body>between us</body></message>`)).toBeUndefined();
    expect(live(`<message from='${SERVICE}' type='chat'><body>x</body></message>`)).toBeUndefined();
  });

  it("tell mentions of both kinds", () => {
    const news = live(`<message from='${TEA}/alice' type='groupchat' id='m'><body>@bob</body>
      <x xmlns='jabber:x:data' type='at' id='bob@shakespeare.lit/pda'/><x xmlns='jabber:x:data' type='at' id='all'/>
      <reference xmlns='urn:xmpp:reference:0' type='mention' uri='xmpp:tea@${SERVICE}/%E5%B0%8F%E7%BA%A2'/></message>`);
    expect(news).toMatchObject({ mentions: { all: true, addresses: ["bob@shakespeare.lit/pda", `${TEA}/小红`] } });
  });

  it("are messages where there is a text, whatever was read as well", () => {
    for (const receipt of [
      "<read xmlns='http://jabber.org/protocol/chatstates' id='m1'/>",
      "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>",
    ]) {
      const said = `<message from='${TEA}/bob' id='m2' type='groupchat'><body>Milk!</body>${receipt}</message>`;
      expect(live(said)).toMatchObject({ kind: "message", id: "m2", body: "Milk!" });
    }
  });

  it("are receipts of both kinds", () => {
    for (const receipt of [
      "<read xmlns='http://jabber.org/protocol/chatstates' id='m1'/>",
      "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>",
    ]) {
      expect(live(`<message from='${TEA}/bob' type='groupchat'>${receipt}</message>`)).toEqual({
        kind: "receipt",
        group: TEA,
        mid: "bob",
        id: "m1",
      });
    }
  });

  it("are announcements, and the same from the archive", () => {
    const told = `<x xmlns='${gc.GC}#addmember'><status code='110'/></x><item jid='carol@shakespeare.lit' mid='c1' nick='Carol' role='admin'/>
      <properties><property name='name'>Tea</property><property name='id'>tea</property></properties>`;
    const expected = { kind: "event", operation: "addmember", codes: [110], properties: { name: "Tea", id: "tea" } };
    const carol = { jid: "carol@shakespeare.lit", mid: "c1", nick: "Carol", role: "admin" };
    expect(live(`<presence from='${TEA}'>${told}</presence>`)).toMatchObject({
      ...expected,
      items: [carol],
      stanzaId: undefined,
    });
    const archived = gc.readArchived(
      stanza(`<message from='${SERVICE}'><result xmlns='urn:xmpp:mam:2' queryid='q1' id='0b'><forwarded xmlns='urn:xmpp:forward:0'>
        <delay xmlns='urn:xmpp:delay' stamp='2026-11-20T17:00:00.000Z'/>
        <message xmlns='jabber:client' from='${TEA}' type='groupchat' id='0b'>${told}<stanza-id xmlns='urn:xmpp:sid:0' by='${TEA}' id='0b'/></message>
        </forwarded></result></message>`),
    );
    expect(archived?.queryId).toBe("q1");
    expect(archived?.news).toMatchObject({ ...expected, stanzaId: "0b", stamp: new Date("2026-11-20T17:00:00Z") });
  });

  it("are refusals", () => {
    const refused = live(
      `<message from='${TEA}' type='error' id='m1'><body>x</body><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
    );
    expect(refused).toEqual({
      kind: "refusal",
      group: TEA,
      id: "m1",
      error: { condition: "forbidden", type: "auth", text: "" },
    });
  });
});
