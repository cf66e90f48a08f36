// One group: who it is, what is said in it, and where one writes.

import { useEffect, useState } from "preact/hooks";

import type { Chats } from "../chats";
import type { Group } from "../group";
import { listed } from "../text";
import { show } from "./app";
import { Avatar } from "./avatar";
import { Composer } from "./composer";
import { Details } from "./details";
import { Back, Muted, People } from "./icons";
import { Messages } from "./messages";
import { useWords } from "./words";

export function Conversation({ chats, group }: { chats: Chats; group: Group }) {
  const { words, language } = useWords();
  const [details, setDetails] = useState(false);
  useEffect(() => {
    // What does not come now comes when the connection is back.
    chats.open(group).catch(() => undefined);
    return () => chats.close();
  }, [chats, group]);
  const name = group.name || group.jid;
  const people = group.others.map(({ nick }) => nick);
  return (
    <main class="conversation" aria-label={name}>
      <header>
        <button class="round back" aria-label={words.back} onClick={() => show(undefined)}>
          <Back />
        </button>
        <button class="title" title={words.details} onClick={() => setDetails(true)}>
          <Avatar name={name} seed={group.jid} />
          <span class="about">
            <strong>
              <bdi>{name}</bdi>
              {group.muted && <Muted />}
            </strong>
            <span class="people">{group.membersKnown && listed([...people, words.you], language)}</span>
          </span>
        </button>
        <button class="round" title={words.details} aria-label={words.details} onClick={() => setDetails(true)}>
          <People />
        </button>
      </header>
      <Messages chats={chats} group={group} />
      <Composer chats={chats} group={group} />
      {details && <Details chats={chats} group={group} close={() => setDetails(false)} />}
    </main>
  );
}
