// Elements that any server can read: without the characters that XML does not have. One of them ends the stream.

import { xml as make, type Attributes, type Element, type Node } from "@xmpp/xml";

/** Everything but `Char` of XML 1.0 §2.2; half of a pair that stands alone, too. */
const ILLEGAL = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

/** A text without what XML cannot say. It comes into texts by pasting, from slides and terminals. */
export function legal(text: string): string {
  return text.replace(ILLEGAL, "");
}

/** An element, of which all that is text is legal. */
export function xml(name: string, attributes: Attributes = {}, ...children: Node[]): Element {
  const told = Object.entries(attributes).map(([key, value]) => [key, typeof value === "string" ? legal(value) : value]);
  return make(name, Object.fromEntries(told) as Attributes, ...children.map(cleaned));
}

function cleaned(node: Node): Node {
  if (Array.isArray(node)) return node.map(cleaned);
  return typeof node === "string" ? legal(node) : node;
}
