// What comes by itself, live and from the archive: messages, news of groups, receipts, refusals.

import type { Element } from "@xmpp/xml";

import { addressOf, bare, domain, localpart, resource } from "./addresses";
import { failure, role, type Member, type StanzaFailure } from "./answers";
import { GC, NS } from "./namespaces";

/** Whom a message mentions: addresses of accounts or of members in the group; or everybody (section 8.5). */
export interface Mentions {
  all: boolean;
  addresses: string[];
}

/** A message of a member (section 8). */
export interface GroupMessage {
  kind: "message";
  group: string;
  mid: string;
  /** As the sender chose it. */
  id: string;
  /** Place in the archive; missing in what is not stored. */
  stanzaId: string | undefined;
  /** When it was said, if the stanza tells. */
  stamp: Date | undefined;
  body: string | undefined;
  mentions: Mentions;
  /** The id of the message that this one takes the place of. */
  corrects: string | undefined;
  /** The id of the message that this one takes back. */
  retracts: string | undefined;
  /** It was itself taken back. */
  retracted: boolean;
}

/** News of a group itself (section 7.1): live by presence, in the archive with a place there. */
export interface GroupEvent {
  kind: "event";
  group: string;
  operation: string;
  stanzaId: string | undefined;
  stamp: Date | undefined;
  properties: Record<string, string>;
  items: Partial<Member>[];
  codes: number[];
}

/** Somebody told that he has read (section 9). */
export interface Receipt {
  kind: "receipt";
  group: string;
  mid: string;
  /** The `id` or the stanza-id of the message. */
  id: string;
}

/** A message did not get through, or an operation by presence. */
export interface Refusal {
  kind: "refusal";
  group: string;
  id: string;
  error: StanzaFailure;
}

export type News = GroupMessage | GroupEvent | Receipt | Refusal;

/** What the service says by a message of an archive, with the query that it belongs to. */
export function readArchived(stanza: Element): { queryId: string; news: News | undefined } | undefined {
  const result = stanza.is("message") ? stanza.getChild("result", NS.mam) : undefined;
  const forwarded = result?.getChild("forwarded", NS.forward);
  const message = forwarded?.getChild("message");
  if (!result || !message) return undefined;
  const stamp = stampOf(forwarded?.getChild("delay", NS.delay));
  return { queryId: result.attrs.queryid ?? "", news: readMessage(message, stamp) };
}

/** What a live stanza of the service tells, or nothing if it is of another kind or from elsewhere (section 15.2). */
export function readNews(stanza: Element, service: string): News | undefined {
  const from = stanza.attrs.from ?? "";
  if (domain(from) !== service || stanza.getChild("sent", NS.carbons) || stanza.getChild("received", NS.carbons))
    return undefined;
  if (stanza.is("iq")) return undefined;
  if (stanza.attrs.type === "error") {
    const id = stanza.attrs.id;
    return id ? { kind: "refusal", group: bare(from), id, error: failure(stanza) } : undefined;
  }
  if (stanza.is("presence")) return stanza.attrs.type ? undefined : readEvent(stanza, undefined);
  const privately = stanza.attrs.type === "chat" && !stanza.getChild("x", `${GC}#offline`);
  return privately ? undefined : readMessage(stanza, stampOf(stanza.getChild("delay", NS.delay)));
}

function readMessage(message: Element, stamp: Date | undefined): News | undefined {
  const from = message.attrs.from ?? "";
  const [group, mid] = [bare(from), resource(from)];
  if (!localpart(group)) return undefined;
  if (!mid) return readEvent(message, stamp);
  const body = message.getChildText("body") ?? undefined;
  const receipt = message.getChild("read", NS.states) ?? message.getChild("displayed", NS.markers);
  // With a text it is a message, whatever else is in it.
  if (receipt?.attrs.id && body === undefined) return { kind: "receipt", group, mid, id: receipt.attrs.id };
  const retract = message.getChild("retract", NS.retract);
  return {
    kind: "message",
    group,
    mid,
    id: message.attrs.id ?? "",
    stanzaId: stanzaIdOf(message, group),
    stamp,
    body,
    mentions: mentionsOf(message),
    corrects: message.getChild("replace", NS.correction)?.attrs.id,
    retracts: retract?.attrs.id,
    retracted: message.getChild("retracted", NS.retract) !== undefined,
  };
}

function readEvent(stanza: Element, stamp: Date | undefined): GroupEvent | undefined {
  const group = bare(stanza.attrs.from ?? "");
  const retract = stanza.getChild("retract", NS.retract);
  const head = stanza.getChildren("x").find((x) => x.getNS()?.startsWith(`${GC}#`));
  const operation = retract ? "moderation" : head?.getNS()?.slice(GC.length + 1);
  if (!operation) return undefined;
  const told = stanza.getChild("properties")?.getChildren("property") ?? [];
  const values = told.map((property) => [property.attrs.name ?? "", property.attrs.value ?? property.getText()]);
  return {
    kind: "event",
    group,
    operation,
    stanzaId: stanzaIdOf(stanza, group),
    stamp,
    properties: retract ? { id: retract.attrs.id ?? "" } : Object.fromEntries(values),
    items: stanza.getChildren("item").map(({ attrs: { jid, mid, nick, role: as } }) => ({
      ...(jid !== undefined && { jid }),
      ...(mid !== undefined && { mid }),
      ...(nick !== undefined && { nick }),
      ...(as !== undefined && { role: role(as) }),
    })),
    codes: head?.getChildren("status").map((status) => Number(status.attrs.code)) ?? [],
  };
}

/** Only a stanza-id by the group itself counts. */
function stanzaIdOf(message: Element, group: string): string | undefined {
  return message.getChildren("stanza-id", NS.stanzaId).find((id) => id.attrs.by === group)?.attrs.id;
}

function mentionsOf(message: Element): Mentions {
  const legacy = message.getChildren("x", NS.form).filter((x) => x.attrs.type === "at");
  const references = message.getChildren("reference", NS.reference).filter((it) => it.attrs.type === "mention");
  const ids = legacy.flatMap((x) => x.attrs.id ?? []);
  const addresses = references.flatMap((reference) => addressOf(reference.attrs.uri ?? "") ?? []);
  return { all: ids.includes("all"), addresses: [...ids.filter((id) => id !== "all"), ...addresses] };
}

function stampOf(delay: Element | undefined): Date | undefined {
  const stamp = new Date(delay?.attrs.stamp ?? "");
  return Number.isNaN(stamp.getTime()) ? undefined : stamp;
}
