import { expect, test } from "vitest";
import { Fault } from "../../src/core/errors.ts";
import { readInput, readInputs } from "../../src/runbooks/inputs.ts";
import { parseTable, writeTable } from "../../src/runbooks/table-value.ts";
import { loaded } from "./runbook-text.ts";

const now = Date.parse("2026-11-21T03:07:46Z");

test.each([
  ["public.orders", "public.orders"],
  ["Public.Orders", "public.orders"],
  [' "Odd Name"."t" ', '"Odd Name".t'],
  ['"a""b"."c.d"', '"a""b"."c.d"'],
  ['public."Orders"', 'public."Orders"'],
  ["public.bücher", 'public."bücher"'],
  ["public.a$b", 'public."a$b"'],
  [`"x; DROP TABLE y --"."'"`, `"x; DROP TABLE y --"."'"`],
  [`public.${"a".repeat(63)}`, `public.${"a".repeat(63)}`],
])("the table %j is %s", (text, written) => {
  expect(readInput("table", text, now)).toEqual({ ok: true, value: written });
});

test.each([
  "",
  "orders",
  "a.b.c",
  "public.",
  ".orders",
  'public.""',
  '""."t"',
  "public.orders; DROP TABLE x",
  "public.orders--",
  "public orders",
  'public."orders',
  'public."or"ders"',
  "public.1orders",
  "public.or\0ders",
  'public."\0"',
  'public."\ud800"',
  `public.${"a".repeat(64)}`,
  `public."${"ü".repeat(32)}"`,
  "$(id).orders",
  "'a'.b",
])("the table %j is refused with the reason and what would pass", (text) => {
  const read = readInput("table", text, now);
  expect(read.ok).toBe(false);
  if (!read.ok) expect(`${read.reason} / ${read.passes}`).toMatch(/.{10,} \/ schema\.table/);
});

test("whatever a name holds, writing and parsing it gives the same name", () => {
  const characters = ["a", "Z", "_", "0", '"', '""', ".", " ", "\n", "'", ";", "ü", "表", "$", "\\", "%s", "\u202e"];
  for (const first of characters) {
    for (const second of characters) {
      const table = { schema: `${first}${second}`, name: `${second}${first}` };
      expect(parseTable(writeTable(table))).toEqual({ ok: true, table });
    }
  }
});

test("numbers and booleans are read in one form each", () => {
  expect(readInput("integer", "500", now)).toEqual({ ok: true, value: 500 });
  for (const text of ["", "1.5", "1e3", "0x10", "9007199254740993", "1,000", "five"]) {
    expect(readInput("integer", text, now).ok, text).toBe(false);
  }
  expect(readInput("boolean", "no", now)).toEqual({ ok: true, value: false });
  expect(readInput("boolean", "1", now).ok).toBe(false);
});

test("free text has no control characters and an end", () => {
  expect(readInput("text", "it's; DROP ${x}", now)).toEqual({ ok: true, value: "it's; DROP ${x}" });
  expect(readInput("text", "a\x1b[2J", now).ok).toBe(false);
  expect(readInput("text", "a".repeat(4001), now).ok).toBe(false);
});

function fault(given: Record<string, string>) {
  try {
    readInputs(loaded().runbook, given, now);
  } catch (error) {
    if (error instanceof Fault) return error.record;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("inputs are typed, and an optional one that is empty is not there", () => {
  const inputs = readInputs(loaded().runbook, { table: "Public.Orders", since: "" }, now);
  expect(inputs).toEqual({ table: "public.orders" });
});

test("a missing, an unknown and an invalid input are told apart, by name", () => {
  expect(fault({})).toMatchObject({
    code: "HF-INPUT-MISSING",
    exit: "input",
    hint: expect.stringContaining("--set table="),
  });
  expect(fault({ table: "a.b", tabel: "x" })).toMatchObject({ code: "HF-INPUT-UNKNOWN" });
  expect(fault({ table: "a.b", toString: "x" })).toMatchObject({ code: "HF-INPUT-UNKNOWN" });
  expect(fault({ table: "a.b", since: "2026-11-21T03:07:47Z" })).toMatchObject({
    code: "HF-INPUT-INVALID",
    message: "the input since is refused: it lies in the future",
  });
});

test("a refusal never repeats what was written", () => {
  const canary = "hunter2-canary";
  for (const given of [{ table: canary }, { table: "a.b", since: canary }, { table: "a.b", [`${canary} !`]: "x" }]) {
    expect(JSON.stringify(fault(given))).not.toContain(canary);
  }
});
