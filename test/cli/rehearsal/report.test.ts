import { expect, test } from "vitest";
import { drillReport } from "../../../src/cli/rehearsal/report.ts";
import { reportLines, reportNote } from "../../../src/cli/rehearsal/report-words.ts";
import type { RunState, StepState } from "../../../src/core/run-state.ts";
import type { Proof } from "../../../src/engines/rehearse.ts";

const incident = {
  kind: "delete",
  table: "public.orders",
  statement: "DELETE FROM public.orders WHERE status = 'cancelled'",
  meant: "less",
  at: 0,
  rows: 12,
  keptBy: null,
} as const;

const table = {
  table: "public.orders",
  expected: 100,
  byTraffic: 3,
  missing: 0,
  different: 0,
  unexpected: 0,
  byTriggers: 0,
  setBack: 0,
  putBack: 0,
  digests: { noted: "aa", found: "aa" },
};
const proved: Proof = { equal: true, tables: [table] };
const spoiled: Proof = { equal: false, tables: [{ ...table, missing: 2 }] };

const step = (key: string, more: Partial<StepState>): StepState =>
  ({
    step: { key, title: `The step ${key}` },
    status: "done",
    attempt: 1,
    took: 0,
    findings: [],
    verified: [],
    ...more,
  }) as unknown as StepState;

const preview = (counts: Record<string, number>, takesMs?: number) => ({
  summary: "",
  lines: [],
  counts,
  ...(takesMs === undefined ? {} : { takesMs }),
});

const steps = [
  step("freeze", { took: 1000, preview: preview({ tables: 2, leases: 5 }), result: { tables: ["a", "b"], leases: 5 } }),
  step("cancel", { status: "skipped", attempt: 0 }),
  step("rescue", {
    took: 4000,
    attempt: 2,
    preview: preview({ rows: 20 }, 3000),
    result: { area: "x", rows: 18, tables: [{ table: "public.orders", rows: 18, lost: 2, unknown: 1 }] },
  }),
  step("check", { result: { willInsert: 15, tables: [{ table: "public.orders", rows: 18, missing: 15, remade: 3 }] } }),
  step("merge", { took: 500, preview: preview({ insert: 15 }, 400), result: { inserted: 15, left: 3 } }),
  step("verify", { result: { rescued: 18, equal: 11, different: 7, absent: 0, remade: 3, short: 2 } }),
];

const state = (more: Partial<RunState> = {}): RunState =>
  ({
    run: "01a20042-dd8a-7ffb-bf4e-1fbea8ef6574",
    plan: { runbook: { id: "restore-after-bad-delete" } },
    status: "done",
    purpose: "drill",
    openedAt: 1000,
    lastAt: 66_000,
    resumes: 0,
    steps,
    ...more,
  }) as unknown as RunState;

test("a report sets what was planned against what happened, step by step", () => {
  const report = drillReport(state(), incident, proved, { changes: 40, reads: 9 });
  expect(report).toMatchObject({ elapsedMs: 65_000, workedMs: 5500, verdict: "proved", lost: 2, leftOut: 1 });
  expect(report.rows).toEqual({ rescued: 18, back: 15, changedSince: 4, notBack: 5 });
  expect(report.conflicts).toEqual([{ kind: "remade", rows: 3 }]);
  const lines = reportLines(report);
  expect(lines.slice(lines.indexOf(" #  STEP    EXPECTED        TOOK    PLANNED                 DONE"))).toEqual([
    " #  STEP    EXPECTED        TOOK    PLANNED                 DONE",
    " 1  freeze  -               0:01    tables 2, leases 5      2, 5",
    " 2  cancel  not needed",
    " 3  rescue  about 0:03      0:04    rows 20                 18, attempt 2",
    " 4  check   -               0:00    -                       -",
    " 5  merge   under a second  0:00    insert 15               15",
    " 6  verify  -               0:00    -                       -",
    "",
    "Every row against what was noted before the DELETE:",
    "  public.orders: 100 rows (3 of traffic's), content aa = aa",
    "As the run counted: 15 of 18 rescued rows back, 4 of them changed by others since, 5 not back.",
    "Conflicts: 3 made again since, left as they are",
    "Lost: 2 rows that the way back could not bring; 1 version left out, since their story can't be followed",
    "",
    "DRILL PROVED, every row is what it was before the DELETE, or what traffic made of it since.",
  ]);
  expect(lines).toContain("It took 1:05; the steps took 0:05 of it, the rest is reading and answering.");
  expect(lines).toContain("Customers went on all the while: 40 changes, 9 reads.");
});

test("of an UPDATE it tells what was set back, and what was left as others made it", () => {
  const values = { willSet: 15, changedSince: 2, keyChanged: 0, gone: 1 };
  const state18 = state({
    steps: [
      step("check", {
        result: { willInsert: 0, tables: [{ table: "public.orders", rows: 18, identical: 0, values }] },
      }),
      step("copy", { preview: preview({ rows: 15 }), result: { keys: 0, overwritten: 14 } }),
      step("merge", { preview: preview({ update: 15 }), result: { inserted: 14, left: 4 } }),
      step("verify", { result: { rescued: 18, equal: 14, different: 3, absent: 1, remade: 3, short: 0 } }),
    ],
  });
  const report = drillReport(state18, { ...incident, kind: "update" }, proved, null);
  expect(report.conflicts).toEqual([
    { kind: "changedSince", rows: 2 },
    { kind: "gone", rows: 1 },
  ]);
  expect(report.steps.flatMap(({ counts }) => counts)).toEqual([
    { what: "rows", planned: 15, done: 14 },
    { what: "update", planned: 15, done: 14 },
  ]);
  const said = reportLines(report).join("\n");
  expect(said).toContain("14 of 18 rescued rows back, 4 left as others made them since.");
  expect(said).toContain("Conflicts: 2 changed again since, left as they are; 1 not there any more");
  expect(said).toContain("DRILL PROVED, every row is what it was before the UPDATE");
});

test("what was decided about rows in conflict is told as it was decided", () => {
  const decided = (kind: string, value: string) => {
    const item = { of: "conflicts", name: kind, value: null };
    const choice = { value, label: value, data: null, by: "ops" };
    const made = step(`conflicts:${kind}`, { choice });
    return { ...made, step: { ...made.step, item } };
  };
  const values = { willSet: 15, changedSince: 2, keyChanged: 3, gone: 1 };
  const checked = { willInsert: 0, tables: [{ table: "public.orders", rows: 21, identical: 0, values }] };
  const kinds = [decided("changed-since", "overwrite"), decided("key-changed", "leave"), decided("gone", "insert")];
  const report = drillReport(state({ steps: [step("check", { result: checked }), ...kinds] }), incident, proved, null);
  expect(reportLines(report).join("\n")).toContain(
    "Conflicts: 2 changed again since, written all the same; 3 with another key now, left as they are; 1 not there any more, written all the same",
  );
});

test("what was written over traffic's rows spoils the proof, unless it was decided of that kind and table", () => {
  const over = (found: Partial<Proof["tables"][number]>): Proof => ({ equal: false, tables: [{ ...table, ...found }] });
  const chosen = (name: string, value: string, of = "public.orders") => {
    const item = { of: "conflicts", name, value: { name, tables: [{ table: of, rows: 2 }] } };
    const made = step(`conflicts:${name}`, { choice: { value, label: value, data: null, by: "ops" } });
    return state({ steps: [{ ...made, step: { ...made.step, item } }] });
  };
  const verdict = (of: RunState, proof: Proof) => drillReport(of, incident, proof, null).verdict;
  const setBack = over({ different: 2, setBack: 2 });
  const putBack = over({ unexpected: 1, putBack: 1 });
  expect(verdict(chosen("changed-since", "leave"), setBack)).toBe("not-proved");
  expect(verdict(chosen("changed-since", "overwrite", "public.other"), setBack)).toBe("not-proved");
  expect(verdict(chosen("changed-since", "overwrite"), putBack)).toBe("not-proved");
  expect(verdict(chosen("changed-since", "overwrite"), over({ different: 3, setBack: 2 }))).toBe("not-proved");
  expect(verdict(chosen("gone", "insert"), putBack)).toBe("proved");
  expect(verdict(chosen("gone", "insert"), over({ ...putBack.tables[0], missing: 1 }))).toBe("not-proved");
  const report = drillReport(chosen("changed-since", "overwrite"), incident, setBack, null);
  expect(report.verdict).toBe("proved");
  const said = reportLines(report).join("\n");
  expect(said).toContain("2 rows as before the incident, over what traffic made of them since");
  expect(said).toContain("what traffic made of it since, or what you decided.");
});

test("a merge that sets back and inserts is planned and done in one number", () => {
  const merge = step("merge", { preview: preview({ insert: 2, update: 15 }), result: { inserted: 16, left: 1 } });
  const report = drillReport(state({ steps: [merge] }), incident, proved, null);
  expect(report.steps[0]?.counts).toEqual([{ what: "write", planned: 17, done: 16 }]);
});

test("the drill's own truth decides, whatever the run says of itself", () => {
  const said = reportLines(drillReport(state(), incident, spoiled, null));
  expect(said.at(-1)).toBe("DRILL NOT PROVED, there are rows that are not what they ought to be.");
  expect(said.join("\n")).toContain("content aa = aa, 2 rows missing");
  expect(said.join("\n")).toContain("there was no traffic");
});

test("a run that was given up is no drill that succeeded, even where every row is there", () => {
  const half = [step("freeze", { took: 900 }), step("merge", { status: "failed", attempt: 3 }), step("verify", {})];
  const todo = half.map((one, index) => (index === 2 ? { ...one, status: "todo" as const, attempt: 0 } : one));
  const report = drillReport(state({ status: "abandoned", steps: todo, resumes: 2 }), incident, proved, null);
  expect(report).toMatchObject({ verdict: "given-up", rows: null });
  const said = reportLines(report).join("\n");
  expect(said).toContain("DRILL GIVEN UP, the rows were not all brought back.");
  expect(said).toContain("it did not come to prove its rows");
  expect(said).toContain("gone on with 2 times");
  expect(said).toMatch(/ 2 {2}merge {3}- {15}0:00 {4}- {23}FAILED, attempt 3/);
  expect(said).toMatch(/ 3 {2}verify {2}- {15}- {7}- {23}TODO/);
});

test("what the journal keeps of it is one line, in ASCII, with the verdict first", () => {
  const note = reportNote(drillReport(state(), incident, proved, { changes: 1, reads: 1 }));
  expect(note).toMatch(/^Drill of restore-after-bad-delete, incident delete: PROVED, every row is what it was/);
  expect(note).toContain("15 of 18 rescued rows back");
  expect(note).toContain("It took 1:05, the steps 0:05 of it.");
  expect(note).toMatch(/^[\x20-\x7e]+$/);
});
