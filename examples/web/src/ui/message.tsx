// One message, with what became of it.

import { useState } from "preact/hooks";

import type { Chats } from "../chats";
import type { Group } from "../group";
import { listed } from "../text";
import type { Said } from "../timeline";
import { Avatar, hueOf } from "./avatar";
import { Body } from "./body";
import { Clock, Tick, Ticks } from "./icons";
import { timeOfDay } from "./times";
import { useWords } from "./words";

interface Props {
  chats: Chats;
  group: Group;
  said: Said;
  /** The one before is of the same author, shortly before. */
  follows: boolean;
}

export function Message({ chats, group, said, follows }: Props) {
  const { words, language } = useWords();
  const own = said.state !== "stored" || said.mid === group.selfMid;
  const seed = `${group.jid}/${said.mid}`;
  const mentioned = !own && group.isMeant(chats.link.account, said.mentions);
  const kind = ["message", own ? "own" : "other", follows && "follows", mentioned && "for-me"];
  return (
    <article class={kind.filter(Boolean).join(" ")} data-id={said.stanzaId}>
      {!own && !follows && <Avatar name={group.nick(said.mid)} seed={seed} small />}
      <div class="bubble" style={{ "--hue": hueOf(seed) }}>
        {!own && !follows && (
          <bdi class="author" title={group.members.get(said.mid)?.jid}>
            {group.nick(said.mid)}
          </bdi>
        )}
        {said.retracted ? <em class="retracted">{words.retracted}</em> : <Body group={group} said={said} />}
        <span class="meta">
          {said.corrected && <span>{words.corrected}</span>}
          <time dateTime={said.at.toISOString()}>{timeOfDay(said.at, language)}</time>
          {own && <State group={group} said={said} />}
        </span>
        {said.state === "refused" && (
          <p class="problem" role="alert">
            {words.notSent}
            {said.failure?.text && `: ${said.failure.text}`}{" "}
            <button class="link" onClick={() => chats.sayAgain(said.id)}>
              {words.tryAgain}
            </button>
          </p>
        )}
      </div>
    </article>
  );
}

/** Waiting, safe, read by some, read by all. Who has read is told to whoever taps it. */
function State({ group, said }: { group: Group; said: Said }) {
  const { words, language } = useWords();
  const [open, setOpen] = useState(false);
  if (said.state !== "stored") {
    return (
      <span class="ticks" data-state={said.state} role="img" aria-label={words.pending} title={words.pending}>
        <Clock />
      </span>
    );
  }
  const { others } = group;
  const readers = others.filter(({ mid }) => (group.reads.get(mid) ?? "") >= (said.stanzaId ?? ""));
  const all = readers.length > 0 && readers.length === others.length;
  const names = listed(
    readers.map(({ nick }) => nick),
    language,
  );
  const state = all ? "read-all" : readers.length > 0 ? "read" : "stored";
  const told = all && others.length > 1 ? words.readByAll : readers.length > 0 ? words.readBy(names) : words.stored;
  return (
    <>
      <button class="ticks" data-state={state} aria-label={told} title={told} onClick={() => setOpen(!open)}>
        {readers.length > 0 ? <Ticks /> : <Tick />}
        {state === "read" && <span class="count">{`${readers.length}/${others.length}`}</span>}
      </button>
      {open && <span class="readers">{told}</span>}
    </>
  );
}
