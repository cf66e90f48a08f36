// The text of a message, with its mentions and its links. It is text in every case, never markup.

import type { VNode } from "preact";

import type { Group } from "../group";
import { resource } from "../groupchat";
import { findMentions } from "../mentions";
import type { Said } from "../timeline";

const LINK = /https?:\/\/[^\s<>"]+[^\s<>".,:;!?)\]}'，。！？；：）】」]/gu;

export function Body({ group, said }: { group: Group; said: Said }) {
  const { body, mentions } = said;
  const mentioned = new Set([...mentions.addresses, ...(mentions.all ? ["all"] : [])]);
  const account = (address: string) => group.members.get(resource(address))?.jid ?? "";
  const parts: { from: number; to: number; shown: VNode }[] = [];
  for (const { address, from, to } of mentioned.size === 0 ? [] : findMentions(body, () => group.names)) {
    if (!mentioned.has(address) && !mentioned.has(account(address))) continue;
    const own = address === "all" || address === `${group.jid}/${group.selfMid}`;
    parts.push({ from, to, shown: <mark class={own ? "mention own" : "mention"}>{body.slice(from, to)}</mark> });
  }
  for (const link of body.matchAll(LINK)) {
    const [from, to] = [link.index, link.index + link[0].length];
    if (parts.some((part) => part.from < to && from < part.to)) continue;
    const shown = (
      <a href={link[0]} target="_blank" rel="noreferrer noopener nofollow">
        {link[0]}
      </a>
    );
    parts.push({ from, to, shown });
  }
  parts.sort((a, b) => a.from - b.from);
  const pieces: (string | VNode)[] = [];
  let at = 0;
  for (const { from, to, shown } of parts) {
    pieces.push(body.slice(at, from), shown);
    at = to;
  }
  pieces.push(body.slice(at));
  return (
    <div class="body" dir="auto">
      {pieces}
    </div>
  );
}
