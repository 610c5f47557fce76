import { expect, test } from "vitest";
import { fromLine, toLine } from "../../../src/engines/memory/copy-text.ts";

test.each([["plain"], [""], [null], ["\\N"], ["\\\\N"], ["a\tb"], ["a\nb\r\n"], ["\\t"], ["\\"], ["grüße 🙂"]])(
  "%j comes back as it was",
  (value) => {
    const row = { a: value, b: "after", c: null };
    const line = toLine(row, ["a", "b", "c"]);
    expect(line).not.toMatch(/[\n\r]/);
    expect(fromLine(line, ["a", "b", "c"])).toEqual(row);
  },
);
