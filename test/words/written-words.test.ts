import { describe, expect, test } from "vitest";
import type { RunEvent } from "../../src/core/event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import type { Written } from "../../src/core/step.ts";
import { eventLine } from "../../src/words/event-line.ts";
import { runSummaryLines } from "../../src/words/run-summary.ts";
import {
  goneLines,
  killedWords,
  standingWords,
  staysLines,
  stoppedWords,
  writtenWords,
} from "../../src/words/written-words.ts";
import { done, failing, lease, merging, story, type Story, untilMerge } from "../screens/support/story.ts";

const written: Written = {
  rows: 600_000,
  done: 600_000,
  total: 981_204,
  unit: "rows",
  tables: [
    { table: "public.orders", rows: 400_000 },
    { table: "public.order_lines", rows: 200_000 },
  ],
};
const settled = (told: Written): RunEvent => ({
  kind: "step.settled",
  step: "merge",
  attempt: 1,
  finding: "partial",
  evidence: ["marker merge:public.orders: begun"],
  written: told,
  decision: "go-on",
});
const paused: RunEvent = { kind: "run.paused", reason: "Ctrl-C" };
const givenUp: RunEvent = { kind: "run.closed", outcome: "abandoned", reason: "given up by the operator" };
const area: RunEvent = {
  kind: "lease.intended",
  lease: {
    id: "L9",
    kind: "rescue-area",
    name: "holdfast_rescue_q73k",
    where: "main",
    step: "rescue",
    words: "the rescued rows",
    byHand: "drop schema holdfast_rescue_q73k cascade",
    keepable: true,
    facts: null,
  },
};
const back = (id: string): RunEvent => ({ kind: "lease.released", lease: id, how: "released" });
const merge = (told: Story) => stepOf(told.state, "merge");
const started = { program: "holdfast" };
const told = ({ state }: Story) => runSummaryLines({ state }, started);

const filled = done("rescue", 1, { area: "holdfast_rescue_q73k", rows: 981_241 });
/** Given up in the middle of the merge, with the rescue area given back. */
const inTheMerge = () => merging().tell(area, ...filled, settled(written), back("L9"), back("L1"), back("L2"), givenUp);

describe("a step that a process died in", () => {
  const resumed: RunEvent = {
    kind: "run.resumed",
    person: { operator: "mia", host: "desk" },
    version: "0.1.0",
    wishes: { choices: {}, keepRescue: false },
  };
  const found = (finding: "absent" | "partial", more = {}): RunEvent =>
    ({ kind: "step.settled", step: "merge", attempt: 1, finding, evidence: [], decision: "redo", ...more }) as RunEvent;

  test("is told with about when, and with what the target has of it", () => {
    const died = merging();
    const at = new Date(died.state.lastAt).toISOString().slice(11, 19);
    const absent = died.tell(resumed, found("absent"));
    expect(killedWords(merge(absent))).toBe(
      `This step had begun and was killed about ${at}Z; the target was asked: nothing of it is there`,
    );
    const partial = merging().tell(resumed, found("partial", { decision: "go-on", written }));
    expect(killedWords(merge(partial))).toMatch(/was asked: 600,000 of 981,204 rows written, stay$/);
  });

  test("is told no more once it begins again, nor where it was only paused, nor before anybody asked the target", () => {
    const again: RunEvent = { kind: "step.intended", step: "merge", attempt: 2, params: {}, recovery: "cursor" };
    expect(killedWords(merge(merging().tell(resumed, found("absent"), again)))).toBe("");
    expect(killedWords(merge(merging().tell(found("absent"), paused, resumed)))).toBe("");
    expect(killedWords(merge(merging().tell(resumed)))).toBe("");
  });
});

describe("a write that was stopped", () => {
  test("is told with what the target counted, not with the progress that came before", () => {
    const stopped = merging().tell(settled(written), paused);
    expect(writtenWords(merge(stopped))).toBe("600,000 of 981,204 rows written, stay");
    expect(stoppedWords(merge(stopped))).toBe("stopped after 600,000 of 981,204 rows, safe to go on later");
  });

  test("tells rows that were left out apart from those that are written", () => {
    const stopped = merging().tell(settled({ ...written, done: 600_012 }), paused);
    expect(writtenWords(merge(stopped))).toBe("600,000 of 981,204 rows (12 left out) written, stay");
  });

  test("says so where nothing of it is written", () => {
    const stopped = merging().tell({
      ...settled({ ...written, rows: 0, done: 0, tables: [] }),
      finding: "absent",
      decision: "redo",
    } as RunEvent);
    expect(writtenWords(merge(stopped))).toBe("nothing of it is written");
  });

  test("is told by the least that is known while nobody has asked the target", () => {
    expect(writtenWords(merge(failing()))).toBe("at least 590,000 of 981,204 rows gone through");
    expect(standingWords(merge(merging()))).toBe(
      "its outcome is not known; resume asks the target: at least 590,000 of 981,204 rows gone through",
    );
    const again: RunEvent = { kind: "step.intended", step: "merge", attempt: 2, params: {}, recovery: "cursor" };
    expect(writtenWords(merge(merging().tell(settled(written), again)))).toBe(
      "at least 600,000 of 981,204 rows gone through",
    );
  });

  test("is told alike on the exit lines and in the journal's lines", () => {
    const stopped = merging().tell(settled(written), paused);
    const words = "stopped after 600,000 of 981,204 rows, safe to go on later";
    expect(told(stopped)).toContain(`[~] Merge the missing rows: ${words}`);
    expect(told(stopped).join()).not.toMatch(/UNKNOWN|not known|at least/i);
    const lines = stopped.events.slice(-2).map((stamped) => eventLine(stamped, stopped.state));
    expect(lines[0]).toContain("SETTLED partial: 600,000 of 981,204 rows written, stay; marker merge:public.orders");
    expect(lines[1]).toContain(`PAUSED Ctrl-C; Merge the missing rows: ${words}`);
  });
});

describe("a run that was given up", () => {
  test("in the middle of its merge says first what stays, and then what went with it", () => {
    expect(told(inTheMerge()).slice(1, 5)).toEqual([
      "stays: Merge the missing rows: 600,000 of 981,204 rows are written, and stay (public.orders 400,000, public.order_lines 200,000)",
      "dropped: rescue area holdfast_rescue_q73k with 981,241 rescued rows",
      "rescued rows that are not written are gone with it: a new run has to rescue them anew; what is written can't be taken out by the safety copy any more",
      "given back: 2 other leases; the evidence is no longer held, dead rows may go",
    ]);
    const closed = inTheMerge();
    const line = eventLine(closed.events.at(-1)!, closed.state);
    expect(line).toContain("GIVEN UP given up by the operator; stays: Merge the missing rows: 600,000 of 981,204 rows");
    expect(line).toContain("dropped: rescue area holdfast_rescue_q73k");
  });

  test("before its merge says that nothing was written, and that the rescued rows are gone", () => {
    const early = untilMerge().tell(area, back("L9"), givenUp);
    expect(staysLines(early.state)).toEqual(["nothing: no row of your tables was written"]);
    expect(goneLines(early.state)[1]).toBe(
      "rescued rows that are not written are gone with it: a new run has to rescue them anew",
    );
  });

  test("after its merge says that all of it stays, and calls no row lost", () => {
    const late = untilMerge().tell(area, ...done("merge", 9000, { inserted: 981_204, left: 0 }), back("L9"), givenUp);
    expect(staysLines(late.state)).toEqual(["Merge the missing rows: done, and stays (inserted 981,204, left 0)"]);
    expect(goneLines(late.state).join()).not.toContain("not written");
  });

  test("that kept its rescue area does not call it dropped", () => {
    const kept = untilMerge().tell(area, { kind: "lease.kept", lease: "L9", until: 1 }, back("L1"), givenUp);
    expect(goneLines(kept.state)).toEqual(["given back: 1 lease; the evidence is no longer held, dead rows may go"]);
    expect(told(kept).join("\n")).toContain("kept, YOU drop it");
  });

  test("does not claim a count that nobody made", () => {
    expect(staysLines(failing().tell(givenUp).state)).toEqual([
      "Merge the missing rows: at least 590,000 of 981,204 rows were gone through; what was written stays",
    ]);
  });
});

test("which is the target and which the database is said once, also where they have one name", () => {
  const place = (database: string) => {
    const { state } = story().tell(lease("L1", "pinned"), givenUp);
    const main = { ...state.plan.targets.main!, database };
    return runSummaryLines({ state: { ...state, plan: { ...state.plan, targets: { main } } } }, started).find((line) =>
      line.includes("!!"),
    );
  };
  expect(place("shop_orders")).toBe("!! PRODUCTION !! target shop, database shop_orders");
  expect(place("shop")).toBe("!! PRODUCTION !! target and database shop");
});
