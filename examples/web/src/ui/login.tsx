// Logging in.

import { useState } from "preact/hooks";

import { Chats } from "../chats";
import { Connection } from "../connection";
import { findService, findWebSocket, type Site } from "../site";
import type { Texts } from "../text";
import type { Session } from "./app";
import { Avatar } from "./avatar";
import { useWords } from "./words";

interface Props {
  site: Site;
  ended: string | undefined;
  setEnded: (condition?: string) => void;
  switchLanguage: () => void;
  enter: (session: Session) => void;
}

export function Login({ site, ended, setEnded, switchLanguage, enter }: Props) {
  const { words } = useWords();
  const [address, setAddress] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<keyof Texts>();
  const shown = problem ?? (ended === undefined ? undefined : explain(ended));

  const logIn = async (name: string, secret: string) => {
    setBusy(true);
    setProblem(undefined);
    try {
      enter(await open(site, name.trim(), secret, setEnded));
    } catch (failed) {
      setProblem(explain((failed as { condition?: string }).condition ?? (failed as Error).message));
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void logIn(address, password);
        }}
      >
        <img src="./icon.svg" alt="" width="64" height="64" />
        <h1>{words.title}</h1>
        <label>
          {words.address}
          <input
            name="username"
            autocomplete="username"
            autocapitalize="off"
            spellcheck={false}
            required
            placeholder={site.domain ? undefined : words.addressHint}
            value={address}
            onInput={(event) => setAddress(event.currentTarget.value)}
          />
        </label>
        <label>
          {words.password}
          <input
            name="password"
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <p class="problem" role="alert">
          {shown && String(words[shown])}
        </p>
        <button class="primary" disabled={busy}>
          {busy ? words.loggingIn : words.logIn}
        </button>
        {site.accounts && (
          <div class="accounts">
            <span>{words.tryAs}</span>
            {site.accounts.map((account) => (
              <button
                key={account.user}
                type="button"
                class="account"
                disabled={busy}
                onClick={() => void logIn(account.user, account.password)}
              >
                <Avatar name={account.user} seed={`${account.user}@${site.domain}`} small />
                <bdi>{account.user}</bdi>
              </button>
            ))}
          </div>
        )}
        <button type="button" class="link" onClick={switchLanguage}>
          {words.otherLanguage}
        </button>
      </form>
    </main>
  );
}

/** Logs in, finds the groups, and reads which there are. */
async function open(site: Site, name: string, password: string, ended: (condition: string) => void): Promise<Session> {
  const at = name.lastIndexOf("@");
  const user = at < 0 ? name : name.slice(0, at);
  const domain = at < 0 ? (site.domain ?? "") : name.slice(at + 1);
  const service = await findWebSocket(site, domain);
  let chats: Chats | undefined;
  const connection = new Connection(
    { service, domain, user, password },
    {
      online: () => void chats?.connected(),
      offline: (blame) => chats?.disconnected(blame),
      stanza: (stanza) => chats?.received(stanza),
      ended,
    },
  );
  await connection.start();
  try {
    const groups = site.service ?? (await findService(connection, domain));
    if (!groups) throw new Error("no-service");
    chats = new Chats(connection, groups);
  } catch (failed) {
    await connection.stop();
    throw failed;
  }
  await chats.connected();
  return { connection, chats };
}

function explain(problem: string): keyof Texts {
  if (problem === "conflict") return "replaced";
  if (problem === "no-service") return "noService";
  return ["not-authorized", "account-disabled", "credentials-expired"].includes(problem) ? "wrongPassword" : "noServer";
}
