// What was said and what happened, oldest first. Older pages come when one scrolls up; the newest stays in view as long
// as one is at the end, and is then told to be read.

import { Fragment } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Chats } from "../chats";
import type { Group } from "../group";
import type { Entry } from "../timeline";
import { describe } from "./happened";
import { Down } from "./icons";
import { Message } from "./message";
import { day, sameDay } from "./times";
import { useWords } from "./words";

/** Pixels from an edge that count as being there. */
const NEAR_END = 80;
const NEAR_BEGINNING = 400;
/** What one says in this time, in milliseconds, goes together. */
const TOGETHER = 5 * 60_000;

export function Messages({ chats, group }: { chats: Chats; group: Group }) {
  const { words, language } = useWords();
  const { timeline } = group;
  const box = useRef<HTMLDivElement>(null);
  const before = useRef({ height: 0, oldest: timeline.oldest });
  const atEnd = useRef(true);
  const loading = useRef(false);
  const [away, setAway] = useState(false);
  // Where one had read up to when the group was opened.
  const [readTo] = useState(group.unread > 0 ? (group.readId ?? "") : undefined);

  const read = () => {
    if (atEnd.current && document.visibilityState === "visible") chats.read(group);
  };
  const loadOlder = async () => {
    if (loading.current || timeline.complete || !group.loaded || chats.status !== "online") return;
    loading.current = true;
    await chats.loadOlder(group).catch(() => undefined);
    loading.current = false;
  };
  const toEnd = () => box.current?.scrollTo({ top: box.current.scrollHeight });
  const scrolled = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!;
    atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
    setAway(!atEnd.current);
    if (scrollTop < NEAR_BEGINNING) void loadOlder();
    read();
  };

  useLayoutEffect(() => {
    const { current: element } = box;
    if (!element) return;
    const { height, oldest } = before.current;
    if (atEnd.current) element.scrollTop = element.scrollHeight;
    else if (timeline.oldest !== oldest) element.scrollTop += element.scrollHeight - height;
    before.current = { height: element.scrollHeight, oldest: timeline.oldest };
    if (element.scrollHeight <= element.clientHeight) void loadOlder();
    read();
  });
  useEffect(() => {
    document.addEventListener("visibilitychange", read);
    const resized = new ResizeObserver(() => atEnd.current && toEnd());
    resized.observe(box.current!);
    return () => {
      document.removeEventListener("visibilitychange", read);
      resized.disconnect();
    };
  }, []);

  const firstUnread =
    readTo === undefined ? undefined : timeline.entries.find((entry) => isUnread(entry, readTo, group));
  return (
    <div class="messages-frame">
      <div class="messages" ref={box} onScroll={scrolled} role="log" tabIndex={0} aria-label={group.name}>
        {timeline.complete && !beginsHere(timeline.entries[0]) && <p class="note">{words.beginning}</p>}
        {timeline.entries.map((entry, position) => {
          const previous = timeline.entries[position - 1];
          return (
            <Fragment key={entry.kind === "said" ? (entry.stanzaId ?? `unsent ${entry.id}`) : entry.stanzaId}>
              {(!previous || !sameDay(previous.at, entry.at)) && <p class="day">{day(entry.at, language, words)}</p>}
              {entry === firstUnread && <p class="divider">{words.newMessages}</p>}
              {entry.kind === "said" ? (
                <Message chats={chats} group={group} said={entry} follows={belongTogether(previous, entry)} />
              ) : (
                <Note text={describe(entry.event, group, words, language)} />
              )}
            </Fragment>
          );
        })}
      </div>
      {away && (
        <button class="round to-end" aria-label={words.toNewest} title={words.toNewest} onClick={toEnd}>
          <Down />
          {group.unread > 0 && <span class="badge">{group.unread}</span>}
        </button>
      )}
    </div>
  );
}

function Note({ text }: { text: string | undefined }) {
  return text ? (
    <p class="note" dir="auto">
      {text}
    </p>
  ) : null;
}

/** Its first entry says by itself that there is nothing before. */
function beginsHere(first: Entry | undefined): boolean {
  return first?.kind === "happened" && first.event.operation === "creategroup";
}

function isUnread(entry: Entry, readTo: string, group: Group): boolean {
  return (
    entry.kind === "said" && entry.stanzaId !== undefined && entry.stanzaId > readTo && entry.mid !== group.selfMid
  );
}

function belongTogether(previous: Entry | undefined, entry: Entry): boolean {
  if (previous?.kind !== "said" || entry.kind !== "said" || previous.mid !== entry.mid) return false;
  return entry.at.getTime() - previous.at.getTime() < TOGETHER && sameDay(previous.at, entry.at);
}
