import { expect, test } from "vitest";
import { partsOf, quotedTable, tableName } from "../../../src/engines/mysql/names.ts";

test.each([
  ["orders", "shop", "orders", "shop.orders"],
  ["other.orders", "other", "orders", "other.orders"],
  ["`odd.name`.`tick``ed`", "odd.name", "tick`ed", "`odd.name`.`tick``ed`"],
  ["shop.`\u{1f4a5} x`", "shop", "\u{1f4a5} x", "shop.`\u{1f4a5} x`"],
  ["shop.2024", "shop", "2024", "shop.`2024`"],
])("%s is read as it is meant, and shown so that it reads the same again", (written, schema, table, shown) => {
  const parts = partsOf(written, "shop");
  expect(parts).toEqual({ schema, table });
  expect(tableName(parts!)).toBe(shown);
  expect(partsOf(shown, "elsewhere")).toEqual(parts);
});

test.each(["", "a.b.c", "`open", "two words", "a.`b", "zero\0"])("%j is no name", (written) => {
  expect(partsOf(written, "shop")).toBeNull();
});

test("in SQL each part is quoted, so that a word of the language is a name", () => {
  expect(quotedTable({ schema: "select", table: "a`b" })).toBe("`select`.`a``b`");
});
