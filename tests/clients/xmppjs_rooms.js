// A stock client in the groups of the service: xmpp.js, a library, beside a client of the protocol's own.
//
// Run by tests/tests/stock_clients.rs; story.js says with what.

import { createRequire } from "node:module";
import { xml } from "@xmpp/client";
import { NS, PICTURE, PICTURE_HASH, Person, ROOM, SERVICE, USERS, check, ok, stanzaId, tell } from "./story.js";

const ADMIN = `${NS.muc}#admin`;
const OWNER = `${NS.muc}#owner`;
const DISCO = "http://jabber.org/protocol/disco#info";
const FORM = "jabber:x:data";

const query = (namespace, ...children) => xml("query", { xmlns: namespace }, ...children);
const field = (name, value) => xml("field", { var: name }, xml("value", {}, value));
const form = (type, ...fields) => xml("x", { xmlns: FORM, type: "submit" }, field("FORM_TYPE", type), ...fields);
const children = (stanza, name) => stanza.getChildElements().filter((child) => child.is(name));
const codes = (presence) =>
  children(presence.getChild("x", `${NS.muc}#user`) ?? presence, "status").map((status) => status.attrs.code);

async function refused(condition, asked) {
  const error = await asked.then(() => undefined, (error) => error);
  check(error?.condition === condition, `it was not refused: ${condition}`, error);
}

/** Joins the room; gives the presence that says so. */
async function join(person, nick, history = 0) {
  await person.send("presence", { to: `${ROOM}/${nick}` },
    xml("x", { xmlns: NS.muc }, xml("history", { maxstanzas: String(history) })));
  const presence = await person.hear("its own presence", (s) =>
    s.is("presence") && (s.attrs.type === "error" || codes(s).includes("110")));
  check(!presence.attrs.type, "it could not join", presence);
  return presence;
}

async function discover(alice) {
  const items = await alice.ask("get", USERS, query("http://jabber.org/protocol/disco#items"));
  const jids = children(items.getChild("query"), "item").map((item) => item.attrs.jid);
  check(jids.includes(SERVICE), "the host does not list the service", jids);
  const info = (await alice.ask("get", SERVICE, query(DISCO))).getChild("query");
  check(children(info, "identity").some(({ attrs }) => attrs.category === "conference"), "no conference", info);
  ok("discover");
}

async function create(alice) {
  const presence = await join(alice, "Alice");
  check(codes(presence).includes("201"), "the room is not new", presence);
  ok("create");
  const asked = (await alice.ask("get", ROOM, query(OWNER))).getChild("query").getChild("x", FORM);
  check(children(asked, "field").every(({ attrs }) => attrs.type), "a field says not what it is", asked);
  await alice.ask("set", ROOM, query(OWNER, form(`${NS.muc}#roomconfig`, field("muc#roomconfig_roomname", "Tea at five"))));
  const info = (await alice.ask("get", ROOM, query(DISCO))).getChild("query");
  check(children(info, "identity").some(({ attrs }) => attrs.name === "Tea at five"), "another name", info);
  ok("configure");
}

async function invite(alice, bob) {
  const invitation = xml("invite", { to: bob.jid }, xml("reason", {}, "Tea is ready"));
  await alice.send("message", { to: ROOM }, xml("x", { xmlns: `${NS.muc}#user` }, invitation));
  const heard = await bob.hear("an invitation", (s) => s.getChild("x", `${NS.muc}#user`)?.getChild("invite"));
  check(heard.getChild("x", `${NS.muc}#user`).getChild("invite").attrs.from === alice.jid, "by somebody else", heard);
  ok("invite");
  await join(bob, "Bob");
  await alice.hear("that Bob is there", (s) => s.is("presence") && s.attrs.from === `${ROOM}/Bob`);
  ok("join");
}

async function picture(alice, bob) {
  const photo = xml("PHOTO", {}, xml("TYPE", {}, "image/png"), xml("BINVAL", {}, PICTURE));
  await alice.ask("set", ROOM, xml("vCard", "vcard-temp", photo));
  const presence = await bob.hear("a new picture", (s) =>
    s.is("presence") && s.attrs.from === ROOM && s.getChild("x", "vcard-temp:x:update"));
  const hash = presence.getChild("x", "vcard-temp:x:update").getChildText("photo");
  check(hash === PICTURE_HASH, "it is known by something else", hash);
  const info = (await bob.ask("get", ROOM, query(DISCO))).getChild("query").getChild("x", FORM);
  const told = children(info, "field").find(({ attrs }) => attrs.var === "muc#roominfo_avatarhash");
  check(told?.getChildText("value") === PICTURE_HASH, "the room's information has another", info);
  const card = (await bob.ask("get", ROOM, xml("vCard", "vcard-temp"))).getChild("vCard", "vcard-temp");
  check(card.getChild("PHOTO").getChildText("BINVAL") === PICTURE, "another picture", card);
  ok("picture");
}

async function talk(alice, bob, carol) {
  await alice.ask("set", ROOM, query(ADMIN, xml("item", { affiliation: "member", jid: carol.jid })));
  await carol.hear("that she is a member", (s) => s.is("presence") && s.getChild("x", `${NS.group}#addmember`));
  await carol.send("presence", { to: SERVICE });
  for (const [author, body, names] of [
    [carol, "From the slim one", ["carol", "carol", "carol"]],
    [bob, "From the stock one", ["Bob", "Bob", "bob"]],
  ]) {
    await author.say(body, "m1");
    const copies = await Promise.all([alice, bob, carol].map((one) => one.message(body)));
    check(new Set(copies.map(stanzaId)).size === 1 && stanzaId(copies[0]), "several ids for one message", copies);
    const from = copies.map((copy) => copy.attrs.from);
    check(from.join() === names.map((name) => `${ROOM}/${name}`).join(), "from somebody else", from);
    check(copies[0].getChild("occupant-id", NS.occupant)?.attrs.id === author.user, "another occupant id", copies[0]);
  }
  ok("talk");
  ok("stanza-id");
  ok("occupant-id");
  await alice.send("message", { to: ROOM, type: "groupchat" }, xml("subject", {}, "Scones"));
  await bob.hear("the subject", (s) => s.is("message") && s.getChildText("subject") === "Scones");
  ok("subject");
  await bob.send("message", { to: `${ROOM}/Alice`, type: "chat" }, xml("body", {}, "Between us"));
  check((await alice.message("Between us")).attrs.from === `${ROOM}/Bob`, "not from Bob");
  ok("private message");
  await bob.send("presence", { to: `${ROOM}/Robert` });
  const gone = await alice.hear("another nick", (s) => s.is("presence") && codes(s).includes("303"));
  check(gone.attrs.from === `${ROOM}/Bob`, "of somebody else", gone);
  ok("nick");
  const ping = () => bob.ask("get", `${ROOM}/Robert`, xml("ping", { xmlns: "urn:xmpp:ping" }));
  await ping();
  await bob.send("presence", { to: `${ROOM}/Robert`, type: "unavailable" });
  await bob.hear("that he is gone", (s) => s.attrs.type === "unavailable" && codes(s).includes("110"));
  await refused("not-acceptable", ping());
  ok("self-ping");
}

/** All of the archive's messages that have a body, asked for one at a time: who said what, and the id of it. */
async function archived(person) {
  const found = [];
  for (let after; ; ) {
    const page = xml("set", { xmlns: "http://jabber.org/protocol/rsm" },
      xml("max", {}, "1"), ...(after ? [xml("after", {}, after)] : []));
    const queryid = `page-${after ?? 0}`;
    const fin = await person.ask("set", ROOM, xml("query", { xmlns: NS.archive, queryid }, page));
    const isOfPage = (s) => s.getChild("result", NS.archive)?.attrs.queryid === queryid;
    for (const result of person.heard.filter(isOfPage).map((s) => s.getChild("result", NS.archive))) {
      const message = result.getChild("forwarded", "urn:xmpp:forward:0").getChild("message");
      const body = message.getChildText("body");
      if (body) found.push([message.attrs.from, body, result.attrs.id]);
    }
    const end = fin.getChild("fin", NS.archive);
    if (end.attrs.complete === "true") return found;
    after = end.getChild("set").getChildText("last");
  }
}

async function catchUp(bob, carol) {
  await carol.say("While you were away", "m2");
  const last = stanzaId(await carol.message("While you were away"));
  const found = await archived(bob);
  const expected = [["carol", "From the slim one"], ["Robert", "From the stock one"], ["carol", "While you were away"]];
  const said = found.map(([from, body]) => `${from}: ${body}`).join("\n");
  check(said === expected.map(([nick, body]) => `${ROOM}/${nick}: ${body}`).join("\n"), "not what was said", said);
  check(found[2][2] === last, "another id in the archive", found[2][2]);
  ok("archive");
  await join(bob, "Robert", 1);
  await bob.message("While you were away");
  ok("history");
}

async function usersOf(person, affiliation) {
  const list = await person.ask("get", ROOM, query(ADMIN, xml("item", { affiliation })));
  return children(list.getChild("query"), "item").map((item) => item.attrs.jid.split("@")[0]).sort().join();
}

async function lookAfter(alice, bob, carol) {
  const change = (attributes, reason) =>
    alice.ask("set", ROOM, query(ADMIN, xml("item", attributes, xml("reason", {}, reason))));
  check((await usersOf(alice, "owner")) === "alice" && (await usersOf(alice, "member")) === "bob,carol", "other lists");
  await change({ affiliation: "none", jid: carol.jid }, "Bye");
  await carol.hear("that she is removed", (s) => s.is("presence") && s.getChild("x", `${NS.group}#removemember`));
  check((await usersOf(alice, "member")) === "bob", "she is a member still");
  ok("remove");
  const kick = xml("item", { nick: "Alice", role: "none" });
  await refused("forbidden", bob.ask("set", ROOM, query(ADMIN, kick)));
  await change({ nick: "Robert", role: "none" }, "Mind the cups");
  await bob.hear("that he is sent away", (s) => s.attrs.type === "unavailable" && codes(s).includes("307"));
  await join(bob, "Robert");
  ok("kick");
  await change({ affiliation: "outcast", jid: bob.jid }, "For good");
  await bob.hear("that he is banned", (s) => s.attrs.type === "unavailable" && codes(s).includes("301"));
  check((await usersOf(alice, "outcast")) === "bob" && (await usersOf(alice, "member")) === "", "other lists");
  ok("ban");
  ok("affiliations");
  await alice.ask("set", ROOM, query(OWNER, xml("destroy", {}, xml("reason", {}, "It is late"))));
  await alice.hear("that it is over", (s) => s.attrs.type === "unavailable" && s.toString().includes("It is late"));
  await refused("item-not-found", alice.ask("get", ROOM, query(DISCO)));
  ok("destroy");
}

async function story() {
  console.log(`xmpp.js ${createRequire(import.meta.url)("@xmpp/client/package.json").version}`);
  const [alice, bob, carol] = await Promise.all(["alice", "bob", "carol"].map((user) => new Person(user).come()));
  await discover(alice);
  await create(alice);
  await invite(alice, bob);
  await picture(alice, bob);
  await talk(alice, bob, carol);
  await catchUp(bob, carol);
  await lookAfter(alice, bob, carol);
  await Promise.all([alice, bob, carol].map((person) => person.go()));
}

await tell(story, 100);
