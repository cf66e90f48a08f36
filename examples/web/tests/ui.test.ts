// What the page shows and understands, as far as it takes no browser to tell.

import { expect, it } from "vitest";

import { isOfComposition } from "../src/ui/keys";
import { timeOfDay } from "../src/ui/times";

it("sends nothing with the key that ends a composition", () => {
  expect(isOfComposition({ isComposing: true, keyCode: 13 })).toBe(true);
  // Safari.
  expect(isOfComposition({ isComposing: false, keyCode: 229 })).toBe(true);
  expect(isOfComposition({ isComposing: false, keyCode: 13 })).toBe(false);
});

it("begins the day at zero, in each language", () => {
  const time = new Date(2026, 10, 21, 0, 5);
  expect(timeOfDay(time, "en")).toBe("00:05");
  expect(timeOfDay(time, "zh")).toBe("00:05");
});
