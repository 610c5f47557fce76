import { expect, test } from "vitest";
import { lettersOff, nearestName } from "../../src/core/nearest-name.ts";

test("two words are as far apart as letters have to be added, dropped or changed", () => {
  expect(lettersOff("", "abc")).toBe(3);
  expect(lettersOff("kitten", "sitting")).toBe(3);
  expect(lettersOff("same", "same")).toBe(0);
});

test("a mistyped name finds the nearest, whatever its case, and a strange one finds none", () => {
  expect(nearestName("TABL", ["since", "table", "until"])).toBe("table");
  expect(nearestName("elephant", ["since", "table", "until"])).toBeNull();
});
