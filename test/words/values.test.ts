import { expect, test } from "vitest";
import { textWidth } from "../../src/words/format.ts";
import { cell, shownRows, valueLines, visibleValue } from "../../src/words/values.ts";

const row = {
  from: "public.orders",
  rescued: { id: "18", note: "was", gone: null },
  present: { id: "18", note: "is", gone: null },
};

test("nothing in a value is obeyed by a terminal, and nothing of it is left out", () => {
  expect(visibleValue("a\nb\tc\rd")).toBe("a\\nb\\tc\\rd");
  expect(visibleValue("\u001b[2J\u0007\u202eabc\u200d")).toBe("\\x1b[2J\\x07\\u202eabc\\u200d");
  expect(visibleValue("Zürich 東京")).toBe("Zürich 東京");
});

test("a value of megabytes is shown from its beginning, at once", () => {
  const began = performance.now();
  const shown = cell(visibleValue("\u6771".repeat(8_000_000)), 40);
  expect(shown).toBe(`${"\u6771".repeat(19)}..`);
  expect(performance.now() - began).toBeLessThan(500);
});

test("no value and an empty one are told apart", () => {
  expect([visibleValue(null), visibleValue("")]).toEqual(["(null)", "(empty)"]);
});

test("a cell has its width exactly, also with letters that take two columns, and a mark where it was cut", () => {
  expect(cell("ab", 4)).toBe("ab  ");
  expect(cell("abcdef", 4)).toBe("ab..");
  expect(cell("東京東京", 7)).toBe("東京..".padEnd(5));
  for (const text of ["東京東京東京", "한국어 텍스트", "😀😀😀😀", "Zürich", "。、「」"])
    for (const width of [3, 4, 5, 6, 7]) expect(textWidth(cell(text, width)), `${text} ${width}`).toBe(width);
});

test("a column that is another today is marked; a row that is gone has nothing beside it", () => {
  const [changed, gone] = shownRows([row, { ...row, present: null }]);
  expect(changed?.head).toBe("public.orders   row 1 of 2   in the table today, 1 column differs");
  expect(changed?.cells.map(({ differs }) => differs)).toEqual([false, true, false]);
  expect(gone?.head).toBe("public.orders   row 2 of 2   not in the table today");
  expect(gone?.cells.map(({ present, differs }) => [present, differs])).toEqual(Array(3).fill([null, false]));
});

test("plain lines say to whom they were shown, and where they stay", () => {
  const lines = valueLines([row], "ops_k");
  expect(lines[0]).toBe(
    "1 sample row, rescued beside present. The journal has recorded that they were shown to ops_k, and holds no value.",
  );
  expect(lines).toContain("  note = was   today: is");
  expect(lines).toContain("  id = 18");
  expect(lines.at(-1)).toContain("scroll-back");
  expect(valueLines([{ ...row, rescued: { note: "x".repeat(500) } }], "ops_k", 60)[2]).toMatch(/^.{58}\.\.$/);
});
