// Making a group.

import { useState } from "preact/hooks";

import type { Chats } from "../chats";
import { domain } from "../groupchat";
import { show } from "./app";
import { Action, Dialog } from "./dialog";
import { useWords } from "./words";

export function Create({ chats, done }: { chats: Chats; done: () => void }) {
  const { words } = useWords();
  const [name, setName] = useState("");
  const [people, setPeople] = useState("");
  const create = async () => {
    const group = await chats.create(name.trim(), addressesIn(people, chats.link.account));
    done();
    show(group.jid);
  };
  return (
    <Dialog title={words.newGroup} close={done}>
      <Action label={words.create} act={create}>
        <label>
          {words.groupName}
          <input
            required
            maxLength={255}
            dir="auto"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label>
          {words.people}
          <textarea
            rows={3}
            placeholder={words.peopleHint}
            autocapitalize="off"
            spellcheck={false}
            value={people}
            onInput={(event) => setPeople(event.currentTarget.value)}
          />
        </label>
      </Action>
    </Dialog>
  );
}

/** Addresses as people write them: separated somehow, and without the domain if it is their own. */
export function addressesIn(text: string, account: string): string[] {
  const words = text.split(/[\s,;，；、]+/u).filter((word) => word !== "");
  const addresses = words.map((word) => (word.includes("@") ? word : `${word}@${domain(account)}`));
  return [...new Set(addresses)].filter((address) => address !== account);
}
