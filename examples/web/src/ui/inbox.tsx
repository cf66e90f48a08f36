// The list of one's groups, with what is unread.

import { useState } from "preact/hooks";

import type { Chats } from "../chats";
import type { Group } from "../group";
import { show } from "./app";
import { Avatar } from "./avatar";
import { Create } from "./create";
import { Globe, Leave, Muted, Plus } from "./icons";
import { shortTime } from "./times";
import { useWords } from "./words";

interface Props {
  chats: Chats;
  shown: Group | undefined;
  switchLanguage: () => void;
  logOut: () => void;
}

export function Inbox({ chats, shown, switchLanguage, logOut }: Props) {
  const { words } = useWords();
  const [creating, setCreating] = useState(false);
  const groups = chats.inbox;
  return (
    <nav class="inbox" aria-label={words.title}>
      <header>
        <h1>{words.title}</h1>
        <button class="round" title={words.otherLanguage} aria-label={words.otherLanguage} onClick={switchLanguage}>
          <Globe />
        </button>
        <button class="round" title={words.newGroup} aria-label={words.newGroup} onClick={() => setCreating(true)}>
          <Plus />
        </button>
        <button class="round" title={words.logOut} aria-label={words.logOut} onClick={() => logOut()}>
          <Leave />
        </button>
      </header>
      <ul>
        {groups.map((group) => (
          <li key={group.jid}>
            <Row group={group} current={group === shown} />
          </li>
        ))}
      </ul>
      {groups.length === 0 && chats.status === "online" && (
        <div class="empty">
          <strong>{words.noGroups}</strong>
          <p>{words.noGroupsHint}</p>
          <button class="primary" onClick={() => setCreating(true)}>
            {words.newGroup}
          </button>
        </div>
      )}
      <footer>
        <Avatar name={chats.link.account} seed={chats.link.account} small />
        <bdi>{chats.link.account}</bdi>
      </footer>
      {creating && <Create chats={chats} done={() => setCreating(false)} />}
    </nav>
  );
}

function Row({ group, current }: { group: Group; current: boolean }) {
  const { words, language } = useWords();
  const { last, unread, mentions, muted } = group;
  const name = group.name || group.jid;
  return (
    <button class="row" aria-current={current} data-group={group.jid} onClick={() => show(group.jid)}>
      <Avatar name={name} seed={group.jid} />
      <span class="about">
        <span class="line">
          <bdi class="name">{name}</bdi>
          {muted && (
            <span class="quiet" title={words.muted}>
              <Muted />
            </span>
          )}
          {last && <time dateTime={last.stamp.toISOString()}>{shortTime(last.stamp, language, words)}</time>}
        </span>
        <span class="line">
          <span class="preview" dir="auto">
            {last && last.mid !== group.selfMid && <b>{group.nick(last.mid)}: </b>}
            {last?.preview}
          </span>
          {mentions > 0 && (
            <span class="badge mention" title={words.mentioned} aria-label={words.mentioned}>
              @
            </span>
          )}
          {unread > 0 && (
            <span class={muted ? "badge low" : "badge"} aria-label={words.unread(unread)}>
              {unread > 999 ? "999+" : unread}
            </span>
          )}
        </span>
      </span>
    </button>
  );
}
