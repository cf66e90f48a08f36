// What happened to a group, in words.

import type { Group } from "../group";
import type { GroupEvent, Member } from "../groupchat";
import { listed, type Language, type Texts } from "../text";

/** Nothing for what is not worth a line. */
export function describe(event: GroupEvent, group: Group, words: Texts, language: Language): string | undefined {
  const names = listed(
    event.items.map((item) => nameOf(item, group)),
    language,
  );
  switch (event.operation) {
    case "creategroup":
      return words.created(event.properties.name ?? group.name);
    case "addmember":
      return words.added(names);
    case "removemember":
      return event.codes.some((code) => code === 301 || code === 307) ? words.removed(names) : words.left(names);
    case "updategroup":
      return event.properties.name ? words.renamed(event.properties.name) : words.changed;
    case "updatemember":
      return words.memberChanged(names);
    default:
      return undefined;
  }
}

function nameOf({ mid = "", nick, jid }: Partial<Member>, group: Group): string {
  return nick ?? group.members.get(mid)?.nick ?? (mid || jid || "?");
}
