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

const WORD_BEFORE = /[A-Za-z0-9._-]$/;
/** Letters of scripts that put spaces between words. */
const WORD_BEHIND = /^(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}])[\p{L}\p{N}_]/u;

/** All mentions of these members, and of everybody. Where two names fit, the longer one is meant. */
export function findMentions(text: string, members: Iterable<Member>, group: string): Found[] {
  const names = [...members].map(({ nick, mid }) => ({ name: nick, address: `${group}/${mid}` }));
  names.push(...EVERYBODY.map((name) => ({ name, address: "all" })));
  names.sort((a, b) => b.name.length - a.name.length);
  const found: Found[] = [];
  for (let at = text.indexOf("@"); at >= 0; at = text.indexOf("@", at + 1)) {
    if (WORD_BEFORE.test(text.slice(0, at))) continue;
    const named = names.find(({ name }) => name && begins(text, at + 1, name));
    if (!named) continue;
    const to = at + 1 + named.name.length;
    found.push({ address: named.address, from: at, to });
    at = to - 1;
  }
  return found;
}

function begins(text: string, at: number, name: string): boolean {
  const part = text.slice(at, at + name.length);
  return part.toLowerCase() === name.toLowerCase() && !WORD_BEHIND.test(text.slice(at + name.length));
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
  if (at < 0 || WORD_BEFORE.test(before.slice(0, at))) return undefined;
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
