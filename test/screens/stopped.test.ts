import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../src/core/event.ts";
import type { Model, Size } from "../../src/screens/model.ts";
import { summaryLines } from "../../src/screens/summary.ts";
import { summaryOf } from "./support/fake-workbench.ts";
import { ended, linesOf, model, running, textOf } from "./support/look.ts";
import {
  confirmQuestion,
  done,
  failing,
  finished,
  lease,
  merging,
  runId,
  type Story,
  untilMerge,
} from "./support/story.ts";

const small: Size = { columns: 80, rows: 24 };
const settled: RunEvent = {
  kind: "step.settled",
  step: "merge",
  attempt: 1,
  finding: "partial",
  evidence: [],
  written: {
    rows: 600_000,
    done: 600_000,
    total: 981_204,
    unit: "rows",
    tables: [{ table: "public.orders", rows: 600_000 }],
  },
  decision: "go-on",
};
const paused: RunEvent = { kind: "run.paused", reason: "Ctrl-C" };
const resumed: RunEvent = {
  kind: "run.resumed",
  person: { operator: "ops_k", host: "bastion-2" },
  version: "0.1.0",
  wishes: { choices: {}, keepRescue: false },
};
const givenUp: RunEvent = { kind: "run.closed", outcome: "abandoned", reason: "given up by the operator" };
const stopped = () => merging().tell(settled, paused);
const command = `holdfast resume ${runId}`;

function onResume(told: Story, size: Size = small): Model {
  const route = { kind: "resume", summary: summaryOf(), state: told.state, events: told.events.length } as const;
  return model({ routes: [{ kind: "start" }, route] }, size);
}

describe("a run that was stopped in its merge", () => {
  it("shows in its checklist how many rows are written, and that they stay", () => {
    for (const size of [small, { columns: 100, rows: 30 }]) {
      const text = textOf(ended(stopped(), size));
      expect(text).toMatch(/\[~\] {2}7 Merge the missing rows +\d:\d\d {3}600,000 of 981,204 r/);
      expect(text).not.toContain("[ ]  7");
      expect(text).not.toContain("UNKNOWN");
    }
    expect(textOf(ended(stopped()))).toContain("600,000 of 981,204 rows written, stay");
  });

  it("says at 80x24 without scrolling where it stands and how it goes on", () => {
    const lines = linesOf(ended(stopped(), small));
    const at = (text: string) => lines.findIndex((line) => line.includes(text));
    expect(at("STANDS")).toBe(at("STOPPED, NOT DONE") + 1);
    expect(lines.join(" ").replaceAll(/ +/g, " ")).toContain(
      "stopped after 600,000 of 981,204 rows, safe to go on later",
    );
    expect(at("NEXT")).toBeLessThan(7);
    expect(lines[at("NEXT") + 1]).toContain(command);
    expect(at("[~]  7")).toBeGreaterThan(at("NEXT"));
  });

  it("says so on its exit lines too", () => {
    expect(summaryLines(stopped().state, null, command).join("\n")).toContain(
      "step 7 Merge the missing rows: stopped after 600,000 of 981,204 rows, safe to go on later",
    );
  });

  it("is not shown as not begun on the screen that resumes it", () => {
    const text = textOf(onResume(stopped()));
    expect(text).toContain("[~] step 7 Merge the missing rows: stopped after");
    expect(text).not.toContain("not begun");
    expect(text).not.toContain("settle ");
  });

  it("is not shown as not begun while its confirmation waits once more, nor when it is left there", () => {
    const question: RunEvent = { kind: "question.asked", question: confirmQuestion() };
    const again = stopped().tell(resumed, { kind: "step.checked", step: "merge", findings: [] }, question);
    const live = textOf({ ...running(again), aside: "Q20" });
    expect(live).toContain("600,000 of 981,204 rows written, stay");
    const left = textOf(ended(again.tell({ kind: "run.paused", reason: "left" })));
    expect(left).toContain("[~]  7");
    expect(textOf(onResume(again))).toContain("[~] step 7");
  });

  it("lists on the screen that resumes it what is still held, and since when, below the way on", () => {
    const lines = linesOf(onResume(stopped()));
    const at = (text: string) => lines.findIndex((line) => line.includes(text));
    expect(at("NEXT")).toBeGreaterThan(0);
    expect(at("HELD")).toBeGreaterThan(at("NEXT"));
    expect(lines[at("HELD")]).toContain("2 leases, until this run is done or given up");
    expect(lines[at("HELD") + 1]).toMatch(/since 2026-11-21T03:08:2\dZ {2}rows and WAL pinned/);
  });
});

describe("a write whose outcome is not known", () => {
  it("is shown with the least that was gone through, and never as counted", () => {
    const text = textOf(ended(failing().tell({ kind: "run.paused", reason: "left" })));
    expect(text).toContain("[?]  7");
    expect(text).toMatch(/at least\s+590,000 of 981,204 rows gone through/);
    expect(textOf(onResume(merging()))).toContain("WILL DO");
    expect(textOf(onResume(merging()))).toContain("settle ");
  });
});

describe("a run that was given up", () => {
  const area: RunEvent = lease("L3", "the rescued rows", "rescue");
  const keepable = (event: RunEvent): RunEvent =>
    event.kind === "lease.intended"
      ? { ...event, lease: { ...event.lease, kind: "rescue-area", keepable: true } }
      : event;
  const back = (id: string): RunEvent => ({ kind: "lease.released", lease: id, how: "released" });
  const inTheMerge = () => merging().tell(keepable(area), settled, back("L3"), back("L1"), givenUp);
  const early = () =>
    untilMerge().tell(
      keepable(area),
      { kind: "step.verified", step: "check", findings: [{ level: "ok", text: "10 of 10 rows will be inserted" }] },
      ...done("check", 1, { tables: [{ table: "public.orders", rows: 10, willInsert: 10 }], willInsert: 10 }),
      back("L3"),
      givenUp,
    );

  it("says first what stays written and what went with it, at 80x24 too", () => {
    const lines = linesOf(ended(inTheMerge(), small));
    const at = (text: string) => lines.findIndex((line) => line.includes(text));
    expect(at("STAYS")).toBe(at("GIVEN UP") + 1);
    expect(lines.join(" ").replaceAll(/ +/g, " ")).toContain(
      "600,000 of 981,204 rows are written, and stay (public.orders 600,000)",
    );
    expect(at("GONE")).toBeGreaterThan(at("STAYS"));
    expect(at("WHY")).toBeGreaterThan(at("GONE"));
    expect(at("dropped: rescue area")).toBe(at("GONE"));
  });

  it("shows its merge as begun in the checklist", () => {
    expect(textOf(ended(inTheMerge(), { columns: 100, rows: 60 }))).toMatch(
      /\[~\] {2}7 Merge .*600,000 of 981,204 rows/,
    );
  });

  it("before its merge promises no row, and calls nothing proved", () => {
    const text = textOf(ended(early(), { columns: 100, rows: 60 }));
    expect(text).toContain("nothing: no row of your tables was written");
    expect(text).not.toMatch(/PROOF|will be inserted|will insert/);
    expect(summaryLines(early().state, null, command).join("\n")).not.toMatch(/will be inserted|will insert/);
  });

  it("says the same on its exit lines, before anything else", () => {
    const lines = summaryLines(inTheMerge().state, null, command);
    expect(lines[1]).toMatch(/^stays: Merge the missing rows: 600,000 of 981,204 rows are written, and stay/);
    expect(lines[2]).toMatch(/^dropped: rescue area/);
  });
});

it("calls what was only looked at found, and keeps the word proof for what was compared after a write", () => {
  const looked: RunEvent[] = [
    { kind: "step.verified", step: "check", findings: [{ level: "ok", text: "10 of 10 rows will be inserted" }] },
    ...done("check", 1, { tables: [{ table: "public.orders", rows: 10 }] }),
  ];
  const text = textOf(ended(untilMerge().tell(...looked, paused), { columns: 100, rows: 60 }));
  expect(text).toContain("FOUND      10 of 10 rows will be inserted");
  expect(text).not.toContain("PROOF");
  expect(textOf(ended(finished()))).toContain("PROOF");
});

it("shows what the running step just said, and folds what is done to have room for it", () => {
  const said = "the connection was lost; rolled back, again in 100 ms";
  const told = merging().tell({ kind: "output.printed", step: "merge", text: said });
  expect(textOf(running(told, small))).toContain(said);
  expect(textOf(running(told, small))).toMatch(/\[x\] 1-6 done in/);
  expect(textOf(running(untilMerge(), small))).toContain("[x]  1 Freeze the evidence");
});
