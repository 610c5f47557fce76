import { expect, test } from "vitest";
import type { RunEvent } from "../../src/core/event.ts";
import { eventLine } from "../../src/words/event-line.ts";
import { timelineLines } from "../../src/words/timeline.ts";
import { everyKind, told } from "./run-story.ts";
import { aPlan, aStep, opened, stamp } from "../support/runs.ts";

const lines = new Map(told().map(({ stamped, state }) => [stamped.seq, eventLine(stamped, state)]));
const lineOf = (kind: RunEvent["kind"], nth = 0) => {
  const seqs = everyKind.flatMap((event, index) => (event.kind === kind ? [index + 1] : []));
  return lines.get(seqs[nth] ?? 0);
};

test("an event is one line, the message first and the time last", () => {
  const time = /  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
  for (const [seq, line] of lines) if (line !== null) expect(line, `event ${seq}`).toMatch(time);
  expect(lineOf("step.intended")).toBe("STEP 1/2 RUNNING freeze: freeze  2023-11-14T22:13:25Z");
});

test("no event is passed over but the intent of a lease, which its taking tells", () => {
  const silent = everyKind.filter((_, index) => lines.get(index + 1) === null).map((event) => event.kind);
  expect(silent).toEqual(["lease.intended"]);
});

test.each([
  [
    "run.opened",
    0,
    /^RUN \w{4} OPENED a-runbook on \.\. sandbox \.\. target and database shop: 2 steps, plan .* by ops@bastion/,
  ],
  ["guard.judged", 0, /^STEP 1\/2 GUARD DENY stop-file: it is there \(lift it\)/],
  ["step.checked", 0, /^STEP 1\/2 CHECKED 1 ok; WARN slow disk/],
  ["step.previewed", 0, /^STEP 1\/2 WILL pin rows: tables 3, about 0:01/],
  ["step.ended", 0, /^STEP 1\/2 DONE freeze in 1:01: tables 3/],
  ["step.verified", 0, /^STEP 1\/2 VERIFIED the pin holds/],
  ["question.asked", 0, /^STEP 2\/2 WAITS for a confirmation: Put 12 rows back/],
  ["step.intended", 1, /^STEP 2\/2 RUNNING merge: merge, attempt 2/],
  ["step.progressed", 0, /^STEP 2\/2 GOES ON 33\.3 %, 4 of 12 rows/],
  ["step.ended", 1, /^STEP 2\/2 UNKNOWN merge: not failed, not known: HF-PG-CONN-LOST/],
  ["step.settled", 0, /^STEP 2\/2 SETTLED partial: marker at row 4; safe to go on from there/],
  ["lease.taken", 0, /^LEASE TAKEN row-pin holdfast_pin: VACUUM removes nothing/],
  ["lease.kept", 0, /^LEASE KEPT until 2023-11-15T22:13:20Z: row-pin holdfast_pin: narrowed; by hand: SELECT pg_drop/],
  ["lease.released", 0, /^LEASE GIVEN BACK row-pin holdfast_pin \(it was gone\)/],
  ["run.resumed", 0, /^RUN \w{4} RESUMED by mia@desk/],
] as const)("%s (%d) reads %s", (kind, nth, expected) => {
  expect(lineOf(kind, nth)).toMatch(expected);
});

test("what a server printed reaches no terminal as a command", () => {
  expect(lineOf("output.printed")).toMatch(/^ {2}LOG: {2}\\x1b\[2Jcleared\?/);
  for (const line of lines.values()) expect(line ?? "").not.toMatch(/\p{Cc}/u);
});

test("an unknown outcome is never called failed", () => {
  for (const line of lines.values()) if (line?.includes("UNKNOWN")) expect(line).not.toContain("FAILED");
});

test("a timeline has a row for every event, with its number and the time since the opening", () => {
  const rows = timelineLines(stamp(everyKind));
  expect(rows).toHaveLength(everyKind.length);
  expect(rows[0]).toMatch(/^ +\+0:00 {5}1 {2}RUN/);
  expect(rows[6]).toMatch(/^ +\+0:06 {5}7 {2}LEASE INTENDED row-pin holdfast_pin: VACUUM removes nothing/);
  for (const row of rows) expect(row).not.toMatch(/ (step|lease|run|question)\.\w+/);
});

test("an expansion names the steps that it made and the first items, and says when there was none", () => {
  const plan = aPlan([aStep("find"), aStep("merge", { each: "${steps.find.result}" })]);
  const expanded = (count: number): RunEvent => ({
    kind: "step.expanded",
    step: "merge",
    items: Array.from({ length: count }, (_, nth) => ({ name: `t${nth}`, title: `merge: t${nth}`, value: nth })),
  });
  const said = (count: number) =>
    told([opened(plan), expanded(count)]).map(({ stamped, state }) => eventLine(stamped, state))[1];
  expect(said(7)).toMatch(/^STEP 2-8\/8 FOR EACH of 7 items: t0, t1, t2, t3, t4 and 2 more {2}2023/);
  expect(said(1)).toMatch(/^STEP 2\/2 FOR EACH of 1 item: t0 {2}2023/);
  expect(said(0)).toMatch(/^STEP 2\/2 SKIPPED merge: its list has no item {2}2023/);
});

test("a choice that was made ahead for an item that there is not is named, whether or not there were others", () => {
  const plan = aPlan([aStep("find"), aStep("merge", { each: "${steps.find.result}", choose: "one" })]);
  const choices = { "merge:t0": "take", "merge:tO": "take", find: "largest" };
  const said = (items: readonly string[]) => {
    const made = items.map((name) => ({ name, title: name, value: name }));
    const events: RunEvent[] = [
      { ...opened(plan), wishes: { choices, keepRescue: false } } as RunEvent,
      { kind: "step.expanded", step: "merge", items: made },
    ];
    return told(events).map(({ stamped, state }) => eventLine(stamped, state))[1];
  };
  expect(said(["t0"])).toMatch(/1 item: t0; NOTE there is none that --choose merge:tO is for {2}2023/);
  expect(said([])).toMatch(/no item; NOTE there is none that --choose merge:t0, merge:tO is for {2}2023/);
});

test("a choice that nobody was asked for is not called chosen, and one that was not understood is not called declined", () => {
  const plan = aPlan([aStep("statement", { choose: "one" })]);
  const answered = (kind: object, by: string): RunEvent =>
    ({ kind: "question.answered", question: "q1", step: "statement", answered: kind, by }) as RunEvent;
  const chosen = { kind: "chosen", value: "none", label: "nothing that a clone could add", data: null };
  const words = timelineLines(
    stamp([
      opened(plan),
      { kind: "step.ended", step: "statement", attempt: 1, outcome: "done", took: 1 },
      answered({ kind: "declined" }, "ops"),
      answered(chosen, "default"),
      answered(chosen, "ops"),
    ]),
  ).map((line) => line.slice(16));
  expect(words.slice(2)).toEqual([
    "STEP 1/1 NOT CHOSEN by ops: nothing was answered that can be",
    "STEP 1/1 NOT ASKED nothing that a clone could add (none), by default",
    "STEP 1/1 CHOSEN nothing that a clone could add (none), by ops",
  ]);
});
