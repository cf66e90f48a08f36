// Making a group.

import { useState } from "preact/hooks";

import type { Chats } from "../chats";
import { show } from "./app";
import { Action, Dialog } from "./dialog";
import { addressesIn, NameField, PeopleField } from "./fields";
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
        <NameField value={name} change={setName} />
        <PeopleField label={words.people} value={people} change={setPeople} />
      </Action>
    </Dialog>
  );
}
