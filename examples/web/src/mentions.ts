// Mentions in a text: `@` and the name of a member. What is found when something is sent becomes a mention, and what is
// found in what was received is shown as one.

import type { Member, MentionInText } from "./groupchat";

/** How everybody is called, in all languages of the page. */
export const EVERYBODY = ["all", "所有人"];

/** A mention, with its place in the text as JavaScript counts. */
export interface Found {
  address: string | "all";
  from: number;
  to: number;
}

/** The most mentions that a text has, and the most signs in it that are looked at. */
const MENTIONS_MAX = 100;
const SIGNS_MAX = 1_000;

const WORD_BEFORE = /^[A-Za-z0-9._-]$/;
/** Letters of scripts that put spaces between words. */
const WORD_BEHIND = /^(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}])[\p{L}\p{N}_]/u;

/** By which names the members of a group, and everybody, can be mentioned; made once, for many texts. */
export class Names {
  private addresses = new Map<string, string>();
  /** How long they are, the longest first. */
  private lengths: number[];

  constructor(members: Iterable<Member>, group: string) {
    const lengths = new Set<number>();
    const add = (name: string, address: string) => {
      // Names may differ in how long they are when they are written small.
      const key = `${name.length} ${name.toLowerCase()}`;
      if (!name || this.addresses.has(key)) return;
      this.addresses.set(key, address);
      lengths.add(name.length);
    };
    for (const { nick, mid } of members) add(nick, `${group}/${mid}`);
    for (const name of EVERYBODY) add(name, "all");
    this.lengths = [...lengths].sort((a, b) => b - a);
  }

  /** The longest name that begins here, with where it ends. */
  at(text: string, from: number): { address: string; to: number } | undefined {
    for (const length of this.lengths) {
      const to = from + length;
      const address = this.addresses.get(`${length} ${text.slice(from, to).toLowerCase()}`);
      if (address !== undefined && !WORD_BEHIND.test(text.slice(to, to + 2))) return { address, to };
    }
    return undefined;
  }
}

/** All mentions in a text. Where two names fit, the longer one is meant. */
export function findMentions(text: string, names: () => Names): Found[] {
  const found: Found[] = [];
  let signs = 0;
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    if (++signs > SIGNS_MAX || found.length === MENTIONS_MAX) break;
    if (WORD_BEFORE.test(text.charAt(at - 1))) continue;
    const named = names().at(text, at + 1);
    if (!named) continue;
    found.push({ address: named.address, from: at, to: named.to });
    at = named.to - 1;
  }
  return found;
}

/** The same, with places as the protocol counts: by code points. */
export function inCodePoints(text: string, found: Found[]): MentionInText[] {
  const count = (end: number) => [...text.slice(0, end)].length;
  return found.map(({ address, from, to }) => ({ address, begin: count(from), end: count(to) }));
}

/** What is being typed as a name before the cursor: where its `@` is, and what there is of it. */
export function beingTyped(text: string, cursor: number): { at: number; part: string } | undefined {
  const before = text.slice(0, cursor);
  const at = before.lastIndexOf("@");
  if (at < 0 || WORD_BEFORE.test(before.charAt(at - 1))) return undefined;
  const part = before.slice(at + 1);
  return part.length <= 40 && !/[\n@]/.test(part) ? { at, part } : undefined;
}

/** The members whose name fits: from its beginning first, then from the beginning of a word in it. */
export function fitting(members: Member[], part: string): Member[] {
  const wanted = part.toLowerCase();
  const place = ({ nick }: Member) => {
    const name = nick.toLowerCase();
    if (name.startsWith(wanted)) return 0;
    return name.split(/\s+/).some((word) => word.startsWith(wanted)) ? 1 : 2;
  };
  return members.filter((member) => place(member) < 2).sort((a, b) => place(a) - place(b));
}
