import { expect, test } from "vitest";
import { withLiterals } from "../../../src/engines/mysql/literal.ts";

test("texts and bytes go as hexadecimal, so that nothing in them can be read as SQL", () => {
  const sql = withLiterals("SELECT ?, ?", ["it's \\ ?", new Uint8Array([0, 255])]);
  expect(sql).toBe("SELECT _utf8mb4 X'69742773205c203f', X'00ff'");
});

test("numbers go whole or not at all, and nothing is nothing", () => {
  expect(withLiterals("SELECT ?, ?, ?, ?", [12, 18446744073709551615n, true, null])).toBe(
    "SELECT 12, 18446744073709551615, 1, NULL",
  );
  expect(() => withLiterals("SELECT ?", [0.1])).toThrow("no exact literal");
});

test("a place without a value, or a value without a place, is never sent", () => {
  expect(() => withLiterals("SELECT ?, ?", [1])).toThrow("1 values for 2 places");
  expect(() => withLiterals("SELECT 1", [1])).toThrow("1 values for 0 places");
});
