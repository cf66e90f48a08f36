// Which names in a text are mentions.

import { expect, it } from "vitest";

import type { Member } from "../src/groupchat";
import { beingTyped, findMentions, fitting, inCodePoints, Names } from "../src/mentions";

const TEA = "tea@groupchat.lit";
const named = (nick: string, mid = nick): Member => ({ nick, mid, jid: `${mid}@lit`, role: "member" });
const PEOPLE = [named("Bob"), named("Bob Smith", "smith"), named("小红"), named("علي")];

const NAMES = new Names(PEOPLE, TEA);

function found(text: string): string[] {
  return findMentions(text, () => NAMES).map(
    ({ address, from, to }) => `${address.replace(`${TEA}/`, "")}: ${text.slice(from, to)}`,
  );
}

it("finds names, the longest that fits", () => {
  expect(found("@bob, @Bob Smith and @小红")).toEqual(["Bob: @bob", "smith: @Bob Smith", "小红: @小红"]);
  expect(found("你好@小红有空吗")).toEqual(["小红: @小红"]);
  expect(found("@all @所有人")).toEqual(["all: @all", "all: @所有人"]);
  expect(found("مرحبا @علي!")).toEqual(["علي: @علي"]);
});

it("does not take other words for names", () => {
  expect(found("mail bob@bob, @bobby, @nobody, @, @@")).toEqual([]);
});

it("counts as the protocol does", () => {
  const text = "🍵 @小红";
  expect(
    inCodePoints(
      text,
      findMentions(text, () => NAMES),
    ),
  ).toEqual([{ address: `${TEA}/小红`, begin: 2, end: 5 }]);
});

it("knows what is being typed", () => {
  expect(beingTyped("hi @bo", 6)).toEqual({ at: 3, part: "bo" });
  expect(beingTyped("hi @bo there", 6)).toEqual({ at: 3, part: "bo" });
  expect(beingTyped("bob@lit", 7)).toBeUndefined();
  expect(beingTyped("no", 2)).toBeUndefined();
});

it("offers who fits, first from the beginning", () => {
  expect(fitting(PEOPLE, "s").map(({ mid }) => mid)).toEqual(["smith"]);
  expect(fitting(PEOPLE, "")).toHaveLength(4);
  expect(fitting(PEOPLE, "小").map(({ mid }) => mid)).toEqual(["小红"]);
});

it("asks for no names where there is no sign, and ends at a hundred", () => {
  const none = () => {
    throw new Error("they were asked for");
  };
  expect(findMentions("nobody in particular", none)).toEqual([]);
  expect(findMentions("@bob ".repeat(500), () => NAMES)).toHaveLength(100);
});

it("looks at a thousand signs, however many there are", () => {
  let asked = 0;
  const counted = () => {
    asked++;
    return NAMES;
  };
  expect(findMentions("@".repeat(60_000), counted)).toEqual([]);
  expect(asked).toBe(1_000);
});
