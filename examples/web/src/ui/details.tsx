// What a group is called, who is in it, and what one can do about it.

import { useEffect, useState } from "preact/hooks";

import type { Chats } from "../chats";
import type { Group } from "../group";
import type { Member, Role } from "../groupchat";
import { show } from "./app";
import { Avatar } from "./avatar";
import { Action, Dialog } from "./dialog";
import { addressesIn, NameField, PeopleField } from "./fields";
import { Bell, Close, Leave, Muted } from "./icons";
import { useWords } from "./words";

/** Muted for good: as far away as a date is written with four digits. */
const FOR_EVER = new Date(Date.UTC(9999, 0, 1));

const RANKS: Role[] = ["owner", "admin", "member"];

interface Props {
  chats: Chats;
  group: Group;
  close: () => void;
}

export function Details({ chats, group, close }: Props) {
  const { words } = useWords();
  const [name, setName] = useState(group.name);
  const [people, setPeople] = useState("");
  const [problem, setProblem] = useState("");
  useEffect(() => void chats.people.load(group).catch(() => undefined), [chats, group]);

  const attempt = (done: Promise<void>) => done.catch((failed: Error) => setProblem(words.failed(failed.message)));
  const add = async () => {
    await chats.people.add(group, addressesIn(people, chats.link.account));
    setPeople("");
    await chats.people.load(group);
  };
  const leave = async () => {
    if (!confirm(words.leaveSure)) return;
    await chats.leave(group);
    close();
    show(undefined);
  };
  const members = [...group.members.values()].sort((a, b) => RANKS.indexOf(a.role) - RANKS.indexOf(b.role));
  return (
    <Dialog title={words.details} close={close} side>
      <div class="portrait">
        <Avatar name={group.name} seed={group.jid} />
        <h3>
          <bdi>{group.name}</bdi>
        </h3>
        <bdi class="address">{group.jid}</bdi>
      </div>
      <div class="buttons">
        <button onClick={() => void attempt(chats.mute(group, group.muted ? undefined : FOR_EVER))}>
          {group.muted ? <Bell /> : <Muted />}
          {group.muted ? words.unmute : words.mute}
        </button>
        <button class="danger" onClick={() => void attempt(leave())}>
          <Leave />
          {words.leave}
        </button>
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {group.mayManage && (
        <Action label={words.rename} act={() => chats.rename(group, name.trim())}>
          <NameField value={name} change={setName} />
        </Action>
      )}
      <h3>{words.members(group.members.size)}</h3>
      <ul class="members">
        {members.map((member) => (
          <Row
            key={member.mid}
            chats={chats}
            group={group}
            member={member}
            remove={(mid) => void attempt(chats.people.remove(group, mid))}
          />
        ))}
      </ul>
      {group.mayManage && (
        <Action label={words.add} act={add}>
          <PeopleField label={words.addPeople} required value={people} change={setPeople} />
        </Action>
      )}
    </Dialog>
  );
}

interface RowProps {
  chats: Chats;
  group: Group;
  member: Member;
  remove: (mid: string) => void;
}

function Row({ chats, group, member: { jid, mid, nick, role }, remove }: RowProps) {
  const { words } = useWords();
  const self = jid === chats.link.account;
  const removable = !self && (group.role === "owner" || (group.role === "admin" && role === "member"));
  return (
    <li data-mid={mid}>
      <Avatar name={nick} seed={`${group.jid}/${mid}`} small />
      <span class="about">
        <bdi>{self ? `${nick} (${words.you})` : nick}</bdi>
        <bdi class="address">{jid}</bdi>
      </span>
      {role !== "member" && <span class={`role ${role}`}>{words[role]}</span>}
      {removable && (
        <button class="round" title={words.remove(nick)} aria-label={words.remove(nick)} onClick={() => remove(mid)}>
          <Close />
        </button>
      )}
    </li>
  );
}
