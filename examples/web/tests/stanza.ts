// Reads the stanzas that the tests are written with.

import { Parser, type Element } from "@xmpp/xml";

/** The one element of a text; in the namespace of clients, as everything that comes over a stream. */
export function stanza(text: string): Element {
  let read: Element | undefined;
  const parser = new Parser();
  parser.on("element", (element) => (read = element));
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(`<stream xmlns='jabber:client'>${text.replaceAll(/\n\s*/g, "")}</stream>`);
  if (!read) throw new Error(`not a stanza: ${text}`);
  return read;
}
