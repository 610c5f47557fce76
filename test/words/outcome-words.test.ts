import { expect, test } from "vitest";
import type { RunEvent } from "../../src/core/event.ts";
import { doneWords, proofLine, rescuedLine, stepsDone, uncountedLine } from "../../src/words/outcome-words.ts";
import { done, merging, story } from "../screens/support/story.ts";

const proof = (equal: number): RunEvent[] =>
  done("verify", 9000, {
    tables: [
      { table: "public.orders", rescued: 1100, equal: equal - 100 },
      { table: "public.lines", rescued: 100, equal: 100 },
    ],
    rescued: 1200,
    equal,
    different: 1200 - equal,
  });
const skipped = (step: string, attempt: number): RunEvent => ({
  kind: "step.ended",
  step,
  attempt,
  outcome: "skipped",
  took: 0,
});

test("the proof is told in its numbers, table by table", () => {
  expect(proofLine(story().tell(...proof(1200)).state)).toBe(
    "1,200 of 1,200 rows are back, proved equal (public.orders 1,100, public.lines 100)",
  );
  expect(proofLine(story().tell(...proof(1199)).state), "a row that was changed since is not missing").toMatch(
    /^1,199 of 1,200 rows .*; 1 back, and changed since$/,
  );
});

test("rows whose keys were used again, and rows that nobody could rescue, are not back; rows that traffic changed since are", () => {
  const verified = (numbers: object) =>
    story().tell(...done("verify", 1, { rescued: 100, equal: 90, absent: 0, tables: [], ...numbers } as never)).state;
  const mixed = verified({ different: 10, remade: 3 });
  expect(doneWords(mixed)).toBe("DONE, BUT 3 ROWS ARE NOT BACK");
  expect(proofLine(mixed)).toBe(
    "90 of 100 rows are back, proved equal; 3 keys were used again since, with other values: not back; 7 back, and changed since",
  );
  expect(doneWords(verified({ different: 10, remade: 0 }))).toBe("DONE");
  expect(doneWords(verified({ different: 1, remade: 1 }))).toBe("DONE, BUT 1 ROW IS NOT BACK");
  const short = verified({ equal: 100, different: 0, short: 1506 });
  expect(doneWords(short)).toBe("DONE, BUT 1,506 ROWS ARE NOT BACK");
  expect(proofLine(short)).toBe(
    "100 of 100 rows are back, proved equal; 1,506 more that the statement took were not rescued",
  );
  expect(doneWords(verified({ equal: 95, different: 3, remade: 2, absent: 2, short: 4 }))).toBe(
    "DONE, BUT 8 ROWS ARE NOT BACK",
  );
});

test("of rows that were set back, those that others changed or took since are left, and none of them is missing", () => {
  const verified = (numbers: object) =>
    story().tell(...done("verify", 1, { values: true, rescued: 100, tables: [], ...numbers } as never)).state;
  const left = verified({ equal: 90, different: 6, remade: 4, absent: 4 });
  expect(doneWords(left)).toBe("DONE; 8 ROWS LEFT AS THEY ARE");
  expect(doneWords(verified({ equal: 99, different: 1, remade: 1, absent: 0 }))).toBe("DONE; 1 ROW LEFT AS IT IS");
  expect(proofLine(left)).toBe(
    "90 of 100 rows are as before, proved equal; 4 changed again since, left as they are; 2 set back, and changed since; 4 not there any more, or under another key",
  );
  expect(doneWords(verified({ equal: 100, different: 0, absent: 0 }))).toBe("DONE");
  expect(doneWords(verified({ equal: 100, different: 0, absent: 0, short: 5 }))).toBe("DONE, BUT 5 ROWS ARE NOT BACK");
});

test("what is done is not called done alone while rescued rows are not in their tables", () => {
  const verified = (absent: number) =>
    story().tell(...done("verify", 1, { rescued: 29_892, equal: 29_892 - absent, different: 0, absent, tables: [] }));
  expect(doneWords(verified(29_892).state)).toBe("DONE, BUT 29,892 ROWS ARE NOT BACK");
  expect(doneWords(verified(0).state)).toBe("DONE");
  expect(doneWords(merging().state)).toBe("DONE");
});

test("rows of which nobody can tell whether the statement took them may be missing, and are not passed over", () => {
  const rescue = done("rescue", 1, {
    area: "holdfast_rescue_x",
    tables: [{ table: "public.t", rows: 246, unknown: 754 }],
  } as never);
  const verify = done("verify", 1, { rescued: 246, equal: 246, different: 0, absent: 0, tables: [] });
  expect(doneWords(story().tell(...rescue, ...verify).state)).toBe("DONE, BUT 754 ROWS MAY BE MISSING");
});

test("nothing is called proved before the comparison has ended, nor in a dry run", () => {
  expect(proofLine(merging().state)).toBe("");
  expect(proofLine(story("production", "dry-run").tell(...proof(1200)).state)).toBe("");
});

test("which way gave how many rows, and what stayed out, is told as the rescue counted it", () => {
  const rescue = (...tables: readonly object[]) => done("rescue", 9000, { tables, rows: 14_108 } as never);
  const mixed = rescue(
    { table: "public.orders", rows: 12_007, from: { "page-transplant": 10_000, wal: 2007 }, lost: 3, unknown: 0 },
    { table: "public.lines", rows: 2101, from: { "page-transplant": 2000, wal: 101 }, lost: 0, unknown: 2 },
  );
  expect(rescuedLine(story().tell(...mixed, ...proof(1200)).state)).toBe(
    "12,000 rows by page-transplant, 2,108 by wal; 3 lost; 2 left out, since their story can't be followed",
  );
  const one = rescue({ table: "public.orders", rows: 1, from: { wal: 1, "page-transplant": 0 }, lost: 0, unknown: 0 });
  expect(rescuedLine(story().tell(...one).state)).toBe("1 row by wal");
  expect(rescuedLine(story().tell(...rescue({ table: "public.orders", rows: 1, unknown: 0 })).state)).toBe("");
  expect(rescuedLine(story("production", "dry-run").tell(...mixed).state)).toBe("");
});

test("a step that was not needed is not called done, and one that failed first not unneeded", () => {
  const told = story().tell(...done("freeze", 1), skipped("statement", 0));
  expect(stepsDone(told.state)).toBe("1 of 9 steps done, 1 not needed");
  expect(stepsDone(told.tell(skipped("path", 2)).state)).toBe("1 of 9 steps done, 1 not needed, 1 skipped");
});

test("names what nobody could count, as the newest rescue tells it, and nothing where a clone has counted it since", () => {
  const rescue = (key: string, uncounted: object) => done(key, 1000, { area: "a", tables: [], rows: 1, ...uncounted });
  const doubt = { uncounted: "row versions that were vacuumed" };
  expect(uncountedLine(story().tell(...rescue("rescue", doubt)).state)).toBe(
    "NOT COUNTED: row versions that were vacuumed",
  );
  expect(uncountedLine(story().tell(...rescue("rescue", {})).state)).toBe("");
  expect(uncountedLine(story().tell(...rescue("rescue", doubt), ...rescue("check", {})).state)).toBe("");
  expect(uncountedLine(story("production", "dry-run").tell(...rescue("rescue", doubt)).state)).toBe("");
});
