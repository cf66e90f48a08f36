// The words of the page in the language that was chosen, for every part of it.

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import { TEXTS, type Language, type Texts } from "../text";

export const LanguageContext = createContext<Language>("en");

/** The words, and their language. */
export function useWords(): { words: Texts; language: Language } {
  const language = useContext(LanguageContext);
  return { words: TEXTS[language], language };
}
