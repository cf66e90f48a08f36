// Where one writes. After an `@` the members are offered whose names fit.

import { useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Chats } from "../chats";
import type { Group } from "../group";
import { legal } from "../groupchat";
import { beingTyped, findMentions, fitting, inCodePoints } from "../mentions";
import { Avatar } from "./avatar";
import { Send } from "./icons";
import { isOfComposition } from "./keys";
import { useWords } from "./words";

/** As many are offered at once. */
const OFFERS_MAX = 6;

interface Offer {
  name: string;
  hint: string;
  seed: string;
}

export function Composer({ chats, group }: { chats: Chats; group: Group }) {
  const { words } = useWords();
  const field = useRef<HTMLTextAreaElement>(null);
  const jump = useRef<number>();
  const [text, setText] = useState(group.draft);
  const [cursor, setCursor] = useState(0);
  const [chosen, setChosen] = useState(0);
  const [closedAt, setClosedAt] = useState<number>();

  const typed = beingTyped(text, cursor);
  const offers =
    typed && typed.at !== closedAt ? offersFor(group, typed.part, words.everybody, words.everybodyHint) : [];
  const current = Math.min(chosen, offers.length - 1);

  useLayoutEffect(() => {
    const { current: area } = field;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
    // At once: what is typed next belongs behind the name that was taken.
    if (jump.current !== undefined) area.setSelectionRange(jump.current, jump.current);
    jump.current = undefined;
  }, [text]);

  const write = (value: string, at: number) => {
    group.draft = value;
    setText(value);
    setCursor(at);
    setChosen(0);
    if (!value.includes("@")) setClosedAt(undefined);
  };
  const take = (offer: Offer) => {
    if (!typed) return;
    const start = `${text.slice(0, typed.at)}@${offer.name} `;
    const whole = start + text.slice(cursor).trimStart();
    // Before it is drawn, too: a key may be pressed until then.
    if (field.current) field.current.value = whole;
    field.current?.setSelectionRange(start.length, start.length);
    jump.current = start.length;
    write(whole, start.length);
    setClosedAt(typed.at);
    field.current?.focus();
  };
  const send = () => {
    const body = legal(text).trim();
    if (!body) return;
    const self = `${group.jid}/${group.selfMid}`;
    const found = findMentions(body, () => group.names).filter(({ address }) =>
      address === "all" ? group.mayManage : address !== self,
    );
    chats.say(group, body, inCodePoints(body, found));
    write("", 0);
    field.current?.focus();
  };
  const key = (event: KeyboardEvent) => {
    if (isOfComposition(event)) return;
    const offer = offers[current];
    if (offer) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) setChosen((current + step + offers.length) % offers.length);
      else if (event.key === "Enter" || event.key === "Tab") take(offer);
      else if (event.key === "Escape") setClosedAt(typed?.at);
      else return;
      event.preventDefault();
    } else if (event.key === "Enter" && !event.shiftKey && !matchMedia("(pointer: coarse)").matches) {
      event.preventDefault();
      send();
    }
  };
  const look = (area: HTMLTextAreaElement) => setCursor(area.selectionStart);
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {offers.length > 0 && (
        <ul class="offers" id="offers" role="listbox" aria-label={words.mentionWhom}>
          {offers.map((offer, position) => (
            <li
              key={offer.seed}
              id={`offer-${position}`}
              role="option"
              aria-selected={position === current}
              onPointerDown={(event) => {
                event.preventDefault();
                take(offer);
              }}
            >
              <Avatar name={offer.name} seed={offer.seed} small />
              <bdi>{offer.name}</bdi>
              <bdi class="hint">{offer.hint}</bdi>
            </li>
          ))}
        </ul>
      )}
      <textarea
        ref={field}
        rows={1}
        dir="auto"
        value={text}
        placeholder={words.writeMessage}
        aria-label={words.writeMessage}
        aria-autocomplete="list"
        aria-controls={offers.length > 0 ? "offers" : undefined}
        aria-activedescendant={offers.length > 0 ? `offer-${current}` : undefined}
        onInput={(event) => write(event.currentTarget.value, event.currentTarget.selectionStart)}
        onKeyDown={key}
        onKeyUp={(event) => look(event.currentTarget)}
        onClick={(event) => look(event.currentTarget)}
      />
      <button class="round send" aria-label={words.send} title={words.send} disabled={legal(text).trim() === ""}>
        <Send />
      </button>
    </form>
  );
}

function offersFor(group: Group, part: string, everybody: string, hint: string): Offer[] {
  const offers = fitting(group.others, part).map(({ nick, jid, mid }) => ({
    name: nick,
    hint: jid,
    seed: `${group.jid}/${mid}`,
  }));
  if (group.mayManage && everybody.startsWith(part.toLowerCase()))
    offers.push({ name: everybody, hint, seed: group.jid });
  return offers.slice(0, OFFERS_MAX);
}
