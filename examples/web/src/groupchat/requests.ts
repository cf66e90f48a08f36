// The stanzas that a client sends. An iq gets its id from whoever sends it.

import type { Element } from "@xmpp/xml";

import { uri } from "./addresses";
import { GC, NS } from "./namespaces";
import { legal, xml } from "./xml";

/** Tells the service that this device is there; once after each login (section 11.1). */
export function announcement(service: string): Element {
  return xml("presence", { to: service });
}

/** Asks what an address is: for a feature `GC` among them, and a service of groups is found (section 5.1). */
export function infoQuery(to: string): Element {
  return xml("iq", { type: "get", to }, xml("query", { xmlns: NS.discoInfo }));
}

/** Asks a server what it has. */
export function itemsQuery(to: string): Element {
  return xml("iq", { type: "get", to }, xml("query", { xmlns: NS.discoItems }));
}

/** Asks for a sign of life. */
export function ping(to: string): Element {
  return xml("iq", { type: "get", to }, xml("ping", { xmlns: NS.ping }));
}

/** Asks for one's groups with what is unread, newest activity first (section 10.2). */
export function inboxQuery(service: string, after?: string): Element {
  return xml("iq", { type: "get", to: service }, xml("query", { xmlns: `${GC}#inbox` }, page({ after })));
}

/** Asks who is in a group (section 6.3). */
export function membersQuery(group: string, after?: string): Element {
  return xml("iq", { type: "get", to: group }, xml("query", { xmlns: `${GC}#members` }, page({ max: 100, after })));
}

/** Asks for one member, by account (section 6.4). */
export function memberQuery(group: string, jid: string): Element {
  const property = xml("property", { name: "jid", value: jid });
  return xml("iq", { type: "get", to: group }, xml("query", { xmlns: `${GC}#memberinfo` }, property));
}

/** Asks who has read a message (section 9.2). */
export function receiptsQuery(group: string, id: string): Element {
  return xml("iq", { type: "get", to: group }, xml("query", { xmlns: `${GC}#receipts` }, xml("message", { id })));
}

/** Which part of an archive is wanted: a page of `max` behind `after`, or before `before` (empty: the newest). */
export interface ArchivePage {
  max: number;
  after?: string | undefined;
  before?: string | undefined;
  /** Nothing older than this. */
  start?: Date | undefined;
}

/** Asks for messages and events of one group, or at the service of all one's groups (section 10.1). */
export function archiveQuery(to: string, queryId: string, wanted: ArchivePage): Element {
  const value = (name: string, text: string, type?: string) =>
    xml("field", { var: name, type }, xml("value", {}, text));
  const form =
    wanted.start &&
    xml(
      "x",
      { xmlns: NS.form, type: "submit" },
      value("FORM_TYPE", NS.mam, "hidden"),
      value("start", wanted.start.toISOString()),
    );
  return xml("iq", { type: "set", to }, xml("query", { xmlns: NS.mam, queryid: queryId }, form, page(wanted)));
}

/** A page of XEP-0059, or nothing if no part of it is said. */
function page(part: { max?: number; after?: string | undefined; before?: string | undefined }): Element | undefined {
  if (part.max === undefined && part.after === undefined && part.before === undefined) return undefined;
  return xml("set", { xmlns: NS.rsm }, [
    part.max !== undefined && xml("max", {}, String(part.max)),
    part.after !== undefined && xml("after", {}, part.after),
    part.before !== undefined && xml("before", {}, part.before),
  ]);
}

/** A mention in a text: characters from `begin` up to, without, `end`, counted as code points (XEP-0372). */
export interface MentionInText {
  /** Nobody in particular: everybody. */
  address: string | "all";
  begin: number;
  end: number;
}

/** Something that is said to a group (section 8.1). Sent again with the same `id`, it still counts once. */
export function post(group: string, id: string, body: string, mentions: MentionInText[] = []): Element {
  const characters = [...body];
  const place = (of: number) => [...legal(characters.slice(0, of).join(""))].length;
  const mentioned = mentions.map(({ address, begin: from, end: to }) => {
    if (address === "all") return xml("x", { xmlns: NS.form, type: "at", id: "all" });
    const [begin, end] = [place(from), place(to)];
    return xml("reference", { xmlns: NS.reference, type: "mention", begin, end, uri: uri(legal(address)) });
  });
  return xml("message", { to: group, type: "groupchat", id }, xml("body", {}, body), ...mentioned);
}

/** Tells a group that everything up to this message was read (section 9.1). */
export function readReceipt(group: string, stanzaId: string): Element {
  return xml("message", { to: group, type: "groupchat" }, xml("read", { xmlns: NS.states, id: stanzaId }));
}

/** Makes a group; the service chooses its address and tells it in the result (section 7.2). */
export function createGroup(service: string, name: string, members: string[]): Element {
  const items = members.map((jid) => xml("item", { jid }));
  return operation(service, "creategroup", properties({ name, members: items.length > 0 ? items : undefined }));
}

/** Gives a group another name (section 7.3). */
export function renameGroup(group: string, name: string): Element {
  return operation(group, "updategroup", properties({ name }));
}

/** Adds people, all or none of them (section 7.5). */
export function addMembers(group: string, jids: string[]): Element {
  return operation(group, "addmember", ...jids.map((jid) => xml("item", { jid })));
}

/** Removes somebody (section 7.6). */
export function removeMember(group: string, mid: string): Element {
  return operation(group, "removemember", xml("item", { mid }));
}

/** Leaves a group (section 7.6). */
export function leaveGroup(group: string): Element {
  return operation(group, "removemember");
}

/** Hears nothing of a group until then; everything again without a time (section 7.8). */
export function muteGroup(group: string, until: Date | undefined): Element {
  return operation(group, "mysettings", xml("property", { name: "mute_until", value: until?.toISOString() ?? "" }));
}

function operation(to: string, name: string, ...payload: Element[]): Element {
  return xml("iq", { type: "set", to }, xml("query", { xmlns: `${GC}#${name}` }, ...payload));
}

function properties(values: Record<string, string | Element[] | undefined>): Element {
  const told = Object.entries(values).filter(([, value]) => value !== undefined);
  return xml("properties", {}, ...told.map(([name, value]) => xml("property", { name }, value)));
}
