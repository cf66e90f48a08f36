// Draws a part of the page again when what it shows has changed.

import { useEffect, useReducer } from "preact/hooks";

import type { Chats } from "../chats";

/** The part that calls this is drawn again after each change of the chats. */
export function useChanges(chats: Chats): void {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => chats.subscribe(() => again(undefined)), [chats]);
}
