// Times and days, as people of a language write them.

import type { Language, Texts } from "../text";

const DAY = 86_400_000;

function midnight(time: Date): number {
  return new Date(time.getFullYear(), time.getMonth(), time.getDate()).getTime();
}

/** Are both on one day, here? */
export function sameDay(a: Date, b: Date): boolean {
  return midnight(a) === midnight(b);
}

/** The time of the day. */
export function timeOfDay(time: Date, language: Language): string {
  return time.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** The day, by its name if it was not long ago. */
export function day(time: Date, language: Language, words: Texts): string {
  const days = Math.round((midnight(new Date()) - midnight(time)) / DAY);
  if (days === 0) return words.today;
  if (days === 1) return words.yesterday;
  if (days < 7) return time.toLocaleDateString(language, { weekday: "long" });
  return time.toLocaleDateString(language, { year: "numeric", month: "long", day: "numeric" });
}

/** As little as tells when it was. */
export function shortTime(time: Date, language: Language, words: Texts): string {
  const days = Math.round((midnight(new Date()) - midnight(time)) / DAY);
  if (days === 0) return timeOfDay(time, language);
  if (days === 1) return words.yesterday;
  return time.toLocaleDateString(language, days < 300 ? { month: "short", day: "numeric" } : { dateStyle: "short" });
}
