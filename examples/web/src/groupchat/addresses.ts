// Addresses of accounts, of groups, and of members in them (section 4).

/** An address without its resource. */
export function bare(jid: string): string {
  return jid.split("/", 1)[0] ?? jid;
}

/** What is behind the slash: of an address in a group, the member id. */
export function resource(jid: string): string {
  const slash = jid.indexOf("/");
  return slash < 0 ? "" : jid.slice(slash + 1);
}

/** What is before the at sign; empty if there is none. */
export function localpart(jid: string): string {
  const address = bare(jid);
  const at = address.indexOf("@");
  return at < 0 ? "" : address.slice(0, at);
}

/** The domain of an address. */
export function domain(jid: string): string {
  const address = bare(jid);
  return address.slice(address.indexOf("@") + 1);
}

/** An address in a URI of XEP-0147, as references demand it. */
export function uri(jid: string): string {
  const [local, host, rest] = [localpart(jid), domain(jid), resource(jid)];
  const parts = [local && `${encodeURIComponent(local)}@`, encodeURI(host), rest && `/${encodeURIComponent(rest)}`];
  return `xmpp:${parts.join("")}`;
}

/** The address in such a URI. */
export function addressOf(reference: string): string | undefined {
  try {
    return decodeURIComponent(reference.replace(/^xmpp:/, "").split("?", 1)[0] ?? "");
  } catch {
    return undefined;
  }
}
