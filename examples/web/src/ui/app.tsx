// The whole page: logging in, then the groups beside the one that is open, or on a narrow screen one of both.

import { useEffect, useRef, useState } from "preact/hooks";

import type { Chats } from "../chats";
import type { Connection } from "../connection";
import type { Site } from "../site";
import { chooseLanguage, firstLanguage, TEXTS, type Language } from "../text";
import { useChanges } from "./changes";
import { Conversation } from "./conversation";
import { Inbox } from "./inbox";
import { Login } from "./login";
import { LanguageContext, useWords } from "./words";

/** Somebody who is logged in. */
export interface Session {
  connection: Connection;
  chats: Chats;
}

export function App({ site }: { site: Site }) {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const [session, setSession] = useState<Session>();
  const current = useRef<Session>();
  const [ended, setEnded] = useState<string>();
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = TEXTS[language].title;
  }, [language]);
  const other = language === "en" ? "zh" : "en";
  const switchLanguage = () => {
    chooseLanguage(other);
    setLanguage(other);
  };
  const enter = (entered: Session | undefined) => {
    current.current = entered;
    setSession(entered);
  };
  // Called long after it was made, too: when the connection ends for good.
  const logOut = (why?: string) => {
    current.current?.chats.stop();
    void current.current?.connection.stop();
    location.hash = "";
    setEnded(why);
    enter(undefined);
  };
  return (
    <LanguageContext.Provider value={language}>
      {session ? (
        <Main session={session} switchLanguage={switchLanguage} logOut={logOut} />
      ) : (
        <Login site={site} ended={ended} setEnded={logOut} switchLanguage={switchLanguage} enter={enter} />
      )}
    </LanguageContext.Provider>
  );
}

interface MainProps {
  session: Session;
  switchLanguage: () => void;
  logOut: () => void;
}

function Main({ session: { chats }, switchLanguage, logOut }: MainProps) {
  useChanges(chats);
  const [shown, setShown] = useState(inHash);
  useEffect(() => {
    const follow = () => setShown(inHash());
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  const unread = [...chats.groups.values()].filter((group) => group.unread > 0 && !group.muted).length;
  const { words } = useWords();
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${words.title}` : words.title;
  }, [unread, words]);
  const group = shown === undefined ? undefined : chats.groups.get(shown);
  return (
    <div class={group ? "main has-group" : "main"}>
      <State chats={chats} />
      <Inbox chats={chats} shown={group} switchLanguage={switchLanguage} logOut={logOut} />
      {group ? (
        <Conversation key={group.jid} chats={chats} group={group} />
      ) : (
        <section class="nothing">
          <p>{words.chooseGroup}</p>
        </section>
      )}
    </div>
  );
}

/** Says when something is not as it should be. */
function State({ chats }: { chats: Chats }) {
  const { words } = useWords();
  return (
    <div class={`state ${chats.status}`} role="status" data-status={chats.status}>
      {chats.status !== "online" && words[chats.status]}
    </div>
  );
}

/** The address of the group that is open; in the page's address, so that the browser's own way back works. */
function inHash(): string | undefined {
  const hash = location.hash.slice(1);
  try {
    return hash ? decodeURIComponent(hash) : undefined;
  } catch {
    return undefined;
  }
}

/** Opens a group, or with none goes back to the list. */
export function show(jid: string | undefined): void {
  location.hash = jid === undefined ? "" : encodeURIComponent(jid);
}
