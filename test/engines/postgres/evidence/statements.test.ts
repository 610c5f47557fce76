import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import type { Statement } from "../../../../src/engines/evidence.ts";
import { groupsOf } from "../../../../src/engines/postgres/evidence/search/statements.ts";
import { relationFile } from "../../../../src/engines/postgres/evidence/transplant/relation-file.ts";
import { fullXid, lowXid } from "../../../../src/engines/postgres/evidence/xid.ts";

const one = (xid: number, rows: number, at: string | null = null, table = "public.t"): Statement => ({
  value: String(xid),
  kind: "one",
  transactions: [String(xid)],
  subtransactions: [],
  at,
  until: at,
  rows,
  tables: [{ table, rows }],
  doubts: [],
  who: null,
});
const minute = (nth: number) => `2026-11-21 05:${String(nth).padStart(2, "0")}:00.000001`;

test("a loop's rounds and its smaller last one are a group; a lone large DELETE between other tables' is not in it", () => {
  const [group, ...others] = groupsOf([
    one(10, 1000),
    one(12, 1000),
    one(13, 9000, null, "public.u"),
    one(14, 1000),
    one(16, 40),
  ]);
  expect(others).toEqual([]);
  expect(group).toMatchObject({
    kind: "group",
    rows: 3040,
    transactions: ["10", "12", "14", "16"],
    value: "10+12+14+16",
  });
});

test("what lies more than a minute apart, or is of another size, is no group", () => {
  expect(groupsOf([0, 5, 10, 15].map((nth) => one(nth + 10, 1000, minute(nth))))).toEqual([]);
  expect(groupsOf([one(10, 1), one(11, 1000), one(12, 1), one(13, 5000)])).toEqual([]);
  expect(groupsOf([0, 1, 2].map((nth) => one(nth + 10, 1000, minute(nth))))).toMatchObject([
    { rows: 3000, at: minute(0), until: minute(2) },
  ]);
});

test("a group of very many has a value that a person can still type", () => {
  const [group] = groupsOf(Array.from({ length: 500 }, (_, nth) => one(nth + 100, 10)));
  expect(group?.value).toBe("group:100-599x500");
  expect(group?.transactions).toHaveLength(500);
});

test("a 32-bit id belongs to the round that is not ahead of the server", () => {
  const round = 2 ** 32;
  expect(fullXid(100, 200)).toBe(100);
  expect(fullXid(100, round + 200)).toBe(round + 100);
  expect(fullXid(4_000_000_000, round + 200)).toBe(4_000_000_000);
  expect(lowXid(3 * round + 7)).toBe(7);
});

test("pages lie in the file in order, and a pointer is cleared wherever it was written", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-file-"));
  const file = relationFile(path.join(folder, "16384"));
  const places = Array.from({ length: 300 }, (_, nth) => file.append(Buffer.alloc(8192, (nth % 255) + 1)));
  file.clearPointer((places[2] ?? 0) + 24);
  file.clearPointer((places[299] ?? 0) + 28);
  const [only, ...more] = file.close();
  const written = readFileSync(only ?? "");
  expect(more).toEqual([]);
  expect(written.length).toBe(300 * 8192);
  expect(places).toEqual(places.map((_, nth) => nth * 8192));
  expect(written.readUInt32LE(2 * 8192 + 24)).toBe(0);
  expect(written.readUInt32LE(299 * 8192 + 28)).toBe(0);
  expect(written[2 * 8192 + 28]).toBe(3);
  expect(written[299 * 8192 + 24]).toBe(45);
  rmSync(folder, { recursive: true });
});
