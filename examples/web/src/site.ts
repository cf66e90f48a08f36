// Where to log in: what whoever serves the page says in `config.json` beside it, else what the user's server says of
// itself; and where the groups are.

import * as gc from "./groupchat";
import type { Link } from "./link";

/** `config.json`; every part of it may be missing. */
export interface Site {
  /** The domain of users who write their name alone. */
  domain?: string;
  /** The WebSocket of that domain's server. */
  websocket?: string;
  /** The address of the groups. */
  service?: string;
  /** Accounts to try the page with; offered to everybody who sees it. */
  accounts?: { user: string; password: string }[];
}

/** What is said beside the page. */
export async function readSite(): Promise<Site> {
  try {
    const answer = await fetch("config.json", { cache: "no-store" });
    return answer.ok ? ((await answer.json()) as Site) : {};
  } catch {
    return {};
  }
}

/** The WebSocket of a domain: as the site says, else as the domain does (XEP-0156), else the usual place. */
export async function findWebSocket(site: Site, domain: string): Promise<string> {
  if (site.websocket && (site.domain === undefined || site.domain === domain)) return site.websocket;
  try {
    const answer = await fetch(`https://${domain}/.well-known/host-meta.json`);
    const { links = [] } = (await answer.json()) as { links?: { rel?: string; href?: string }[] };
    const link = links.find(({ rel }) => rel === "urn:xmpp:alt-connections:websocket");
    if (link?.href?.startsWith("wss://")) return link.href;
  } catch {
    // It says nothing.
  }
  return `wss://${domain}/xmpp-websocket`;
}

/** The first address of a server where there are groups. */
export async function findService(link: Link, domain: string): Promise<string | undefined> {
  const listed = gc.itemAddresses(await link.ask(gc.itemsQuery(domain)));
  const answers = await Promise.all(
    listed.map((address) =>
      link.ask(gc.infoQuery(address)).then(
        (answer) => gc.serviceName(answer) !== undefined && address,
        () => false as const,
      ),
    ),
  );
  return answers.find((address) => address !== false) || undefined;
}
