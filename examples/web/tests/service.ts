// A service without a network: a link that answers like the service, from an archive in memory, and that can be cut.

import type { Element } from "@xmpp/xml";

import { Refused, type Link } from "../src/link";
import { stanza } from "./stanza";

export const SERVICE = "groupchat.lit";
export const TEA = `tea@${SERVICE}`;
const GC = "http://jabber.org/protocol/groupchat";

interface Stored {
  id: string;
  group: string;
  xml: string;
}

/** What the inbox says of a group. */
export function inboxItem({ jid = TEA, unread = 0, last = "", more = "receive='all'" } = {}): string {
  const newest = last && `<last stanza-id='${last}' stamp='2026-11-20T17:00:00Z' from='${jid}/bob'>said ${last}</last>`;
  return `<item jid='${jid}' name='Tea' role='owner' unread='${unread}' mentions='0' ${more}>${newest}</item>`;
}

export class Service implements Link {
  readonly account = "me@lit";
  /** It does not answer, and takes nothing in. */
  down = false;
  /** What was sent to it and has no answer, as text. */
  sent: string[] = [];
  /** Namespaces of what was asked, in their order. */
  asked: string[] = [];
  resets = 0;
  archive: Stored[] = [];
  inbox = inboxItem();
  members = ["me", "bob", "小红"];
  deliver: (stanza: Element) => void = () => undefined;

  send(sent: Element): void {
    this.sent.push(sent.toString());
  }

  reset(): void {
    this.resets++;
  }

  async ask(iq: Element): Promise<Element> {
    const query = iq.getChildElements()[0]!;
    const namespace = query.getNS() ?? "";
    this.asked.push(namespace.split(/[#:]/).at(-1) ?? "");
    await Promise.resolve();
    if (this.down) throw new Refused({ condition: "service-unavailable", type: "cancel", text: "", by: undefined });
    if (namespace === "urn:xmpp:mam:2") return this.page(query, iq.attrs.to ?? "");
    const items = namespace === `${GC}#inbox` ? this.inbox : this.memberItems(namespace);
    return stanza(`<iq type='result'><query xmlns='${namespace}'>${items}</query></iq>`);
  }

  /** Says something into the archive; gives the live copy. */
  store(id: string, mid: string, messageId: string, more = "", group = TEA): string {
    const content = `${more}<stanza-id xmlns='urn:xmpp:sid:0' by='${group}' id='${id}'/>`;
    const from = mid ? `${group}/${mid}` : group;
    const xml = `<message xmlns='jabber:client' from='${from}' type='groupchat' id='${messageId}'>${content}</message>`;
    this.archive.push({ id, group, xml });
    return xml;
  }

  /** The id that the client chose for the last message it sent. */
  lastId(): string {
    return / id="([^"]+)"/.exec(this.sent.findLast((sent) => sent.includes("<body>")) ?? "")?.[1] ?? "";
  }

  live(xml: string): void {
    this.deliver(stanza(xml));
  }

  private memberItems(namespace: string): string {
    if (namespace === `${GC}#receipts`) return "<count read='0' unread='2'/>";
    const wanted = namespace === `${GC}#memberinfo` ? ["me"] : namespace === `${GC}#members` ? this.members : [];
    return wanted
      .map((mid) => `<item jid='${mid}@lit' mid='${mid}' nick='${mid}' role='${mid === "me" ? "owner" : "member"}'/>`)
      .join("");
  }

  /** A page of a group's archive, or at the service of all groups'; each knows the places of its own alone. */
  private page(query: Element, from: string): Element {
    const archive = this.archive.filter(({ group }) => from === SERVICE || from === group);
    const set = query.getChild("set");
    const max = Number(set?.getChildText("max") ?? 50);
    const [after, before] = [set?.getChildText("after"), set?.getChildText("before")];
    if (after && !archive.some(({ id }) => id === after))
      throw new Refused({ condition: "item-not-found", type: "cancel", text: "", by: undefined });
    let found = archive.sort((a, b) => (a.id < b.id ? -1 : 1));
    if (after) found = found.filter(({ id }) => id > after);
    if (before) found = found.filter(({ id }) => id < before);
    const page = before === undefined || before === null ? found.slice(0, max) : found.slice(-max);
    for (const { id, xml } of page) {
      this.live(`<message from='${from}'><result xmlns='urn:xmpp:mam:2' queryid='${query.attrs.queryid}' id='${id}'>
        <forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-20T17:00:00Z'/>${xml}</forwarded></result></message>`);
    }
    const ends = page.length > 0 ? `<first>${page[0]!.id}</first><last>${page.at(-1)!.id}</last>` : "";
    const complete = page.length === found.length ? "complete='true'" : "";
    return stanza(
      `<iq type='result'><fin xmlns='urn:xmpp:mam:2' ${complete}><set xmlns='http://jabber.org/protocol/rsm'>${ends}</set></fin></iq>`,
    );
  }
}
