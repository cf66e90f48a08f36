// What the answers to a client's questions say.

import type { Element } from "@xmpp/xml";

import { resource } from "./addresses";
import { GC, NS } from "./namespaces";

/** What a member may do (section 12.1). */
export type Role = "owner" | "admin" | "member";

/** A group in the inbox (section 10.2). */
export interface InboxItem {
  jid: string;
  name: string;
  role: Role;
  unread: number;
  mentions: number;
  /** The stanza-id up to which one has read. */
  readId: string | undefined;
  /** Hears nothing, or until some time nothing, of this group. */
  muted: boolean;
  /** Hears, when it is not muted, what mentions one, and nothing else. */
  onlyMentions: boolean;
  last: { stanzaId: string; stamp: Date; mid: string; preview: string } | undefined;
}

/** Somebody in a group (section 6.3). */
export interface Member {
  jid: string;
  mid: string;
  nick: string;
  role: Role;
}

/** What an error says (RFC 6120 §8.3). */
export interface StanzaFailure {
  condition: string;
  type: string;
  text: string;
  /** Who says so: the address that was asked, or a server that answers in its place, and may not tell. */
  by: string | undefined;
}

/** The name of a service of groups, or nothing if the address is something else (section 5.1). */
export function serviceName(answer: Element): string | undefined {
  const query = answer.getChild("query", NS.discoInfo);
  const serves = query?.getChildren("feature").some((feature) => feature.attrs.var === `${GC}#inbox`);
  const identities = query?.getChildren("identity") ?? [];
  return serves
    ? (identities.find((identity) => identity.attrs.category === "groupchat")?.attrs.name ?? "")
    : undefined;
}

/** The addresses that a server lists. */
export function itemAddresses(answer: Element): string[] {
  const items = answer.getChild("query", NS.discoItems)?.getChildren("item") ?? [];
  return items.flatMap((item) => item.attrs.jid ?? []);
}

/** A page of the inbox. */
export function readInbox(answer: Element): { items: InboxItem[]; next: string | undefined } {
  const query = answer.getChild("query", `${GC}#inbox`);
  const items = (query?.getChildren("item") ?? []).map((item): InboxItem => {
    const last = item.getChild("last");
    return {
      jid: item.attrs.jid ?? "",
      name: item.attrs.name ?? "",
      role: role(item.attrs.role),
      unread: Number(item.attrs.unread ?? 0),
      mentions: Number(item.attrs.mentions ?? 0),
      readId: item.attrs["read-id"],
      muted: item.attrs.muted !== undefined || item.attrs.receive === "none",
      onlyMentions: item.attrs.receive === "mentions",
      last: last && {
        stanzaId: last.attrs["stanza-id"] ?? "",
        stamp: new Date(last.attrs.stamp ?? 0),
        mid: resource(last.attrs.from ?? ""),
        preview: last.getText(),
      },
    };
  });
  return { items, next: lastOfPage(query) };
}

/** A page of members; also the answer about one. */
export function readMembers(answer: Element): { items: Member[]; next: string | undefined } {
  const query = answer.getChild("query");
  const items = (query?.getChildren("item") ?? []).map((item): Member => {
    const mid = item.attrs.mid ?? "";
    return { jid: item.attrs.jid ?? "", mid, nick: item.attrs.nick ?? mid, role: role(item.attrs.role) };
  });
  return { items, next: lastOfPage(query) };
}

/** Who has read a message, as far as one may know, and how many have and have not. */
export function readReceipts(answer: Element): { mids: string[]; read: number; unread: number } {
  const query = answer.getChild("query", `${GC}#receipts`);
  const count = query?.getChild("count");
  const mids = (query?.getChildren("item") ?? []).flatMap((item) => item.attrs.mid ?? []);
  return { mids, read: Number(count?.attrs.read ?? 0), unread: Number(count?.attrs.unread ?? 0) };
}

/** The address of the group that was made. */
export function createdGroup(answer: Element): string | undefined {
  return answer.getChild("query", `${GC}#creategroup`)?.getChild("item")?.attrs.jid;
}

/** How a page of an archive ended. */
export function readFin(answer: Element): { complete: boolean; first: string | undefined; last: string | undefined } {
  const fin = answer.getChild("fin", NS.mam);
  const set = fin?.getChild("set", NS.rsm);
  const text = (name: string) => set?.getChildText(name) ?? undefined;
  return { complete: fin?.attrs.complete === "true", first: text("first"), last: text("last") };
}

function lastOfPage(query: Element | undefined): string | undefined {
  return query?.getChild("set", NS.rsm)?.getChildText("last") ?? undefined;
}

/** A role as it is written; who has none that is known is a member. */
export function role(text: string | undefined): Role {
  return text === "owner" || text === "admin" ? text : "member";
}

/** What an error stanza says. */
export function failure(stanza: Element): StanzaFailure {
  const error = stanza.getChildren("error").find((child) => child.getNS() !== `${GC}#error`);
  const condition = error?.getChildElements().find((child) => child.name !== "text");
  return {
    condition: condition?.name ?? "undefined-condition",
    type: error?.attrs.type ?? "cancel",
    text: error?.getChildText("text") ?? "",
    by: error?.attrs.by,
  };
}
