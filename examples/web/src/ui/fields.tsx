// What one writes into forms about groups: a name, and people.

import { domain } from "../groupchat";
import { useWords } from "./words";

interface FieldProps {
  value: string;
  change: (value: string) => void;
}

/** The name of a group. */
export function NameField({ value, change }: FieldProps) {
  const { words } = useWords();
  return (
    <label>
      {words.groupName}
      <input required maxLength={255} dir="auto" value={value} onInput={(event) => change(event.currentTarget.value)} />
    </label>
  );
}

/** Whom to add: read by `addressesIn`. */
export function PeopleField({ label, required, value, change }: FieldProps & { label: string; required?: boolean }) {
  const { words } = useWords();
  return (
    <label>
      {label}
      <textarea
        rows={3}
        required={required}
        placeholder={words.peopleHint}
        autocapitalize="off"
        spellcheck={false}
        value={value}
        onInput={(event) => change(event.currentTarget.value)}
      />
    </label>
  );
}

/** Addresses as people write them: separated somehow, and without the domain if it is their own. */
export function addressesIn(text: string, account: string): string[] {
  const words = text.split(/[\s,;，；、]+/u).filter((word) => word !== "");
  const addresses = words.map((word) => (word.includes("@") ? word : `${word}@${domain(account)}`));
  return [...new Set(addresses)].filter((address) => address !== account);
}
