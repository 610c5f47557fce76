import { expect, test } from "vitest";
import { newRunId, shortRunId } from "../../src/core/ids.ts";
import { closed, dawn, faultOf, intended, note, opened, progressed, testJournal } from "./support.ts";

test("a run in progress is listed with its step and its living driver", () => {
  const { journal, clock } = testJournal();
  const run = journal.open(opened());
  clock.pass(2000);
  run.append([{ kind: "step.ended", step: "freeze", attempt: 1, outcome: "done", took: 5 }, intended()]);
  expect(journal.runs()).toEqual([
    {
      run: run.run,
      short: shortRunId(run.run),
      runbook: "restore",
      title: "Bring back lost rows",
      target: "shop",
      database: "shop_db",
      environment: "staging",
      purpose: "live",
      operator: "ana",
      openedAt: dawn,
      lastAt: dawn + 2000,
      status: "open",
      driven: true,
      at: { step: "merge", number: 2, of: 2, unknown: false },
    },
  ]);
});

test("an intent whose process is gone is unknown", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  run.append([intended("freeze")]);
  run.release();
  expect(journal.runs()[0]).toMatchObject({ driven: false, at: { step: "freeze", number: 1, unknown: true } });
  journal.take(run.run).append([{ kind: "step.ended", step: "freeze", attempt: 1, outcome: "done", took: 1 }]);
  expect(journal.runs()[0]).toMatchObject({ driven: true, at: { step: "merge", number: 2, unknown: false } });
});

test("every step done but the run not closed: it stands at the last", () => {
  const { journal } = testJournal();
  const run = journal.open(opened(["freeze"]));
  run.append([{ kind: "step.ended", step: "freeze", attempt: 1, outcome: "done", took: 1 }]);
  expect(journal.runs()[0]).toMatchObject({ status: "open", at: { step: "freeze", number: 1, of: 1 } });
});

test("paused and closed runs say so; the newest comes first", () => {
  const { journal, clock } = testJournal();
  const runs = [opened(), opened(), opened()].map((event) => journal.open(event));
  clock.pass(1000);
  runs[0]?.append([{ kind: "run.paused", reason: "coffee" }]);
  runs[1]?.append([closed()]);
  clock.pass(1000);
  runs[2]?.append([closed("abandoned")]);
  expect(journal.runs().map(({ status, at, lastAt }) => [status, at?.step, lastAt - dawn])).toEqual([
    ["abandoned", undefined, 2000],
    ["done", undefined, 1000],
    ["paused", "freeze", 1000],
  ]);
});

test("progress and output neither slow nor change what a list says, but for the time", () => {
  const { journal, clock } = testJournal();
  const run = journal.open(opened());
  run.append([intended("freeze")]);
  clock.pass(5000);
  run.append([progressed(5, "freeze")], "passing");
  expect(journal.runs()[0]).toMatchObject({ lastAt: dawn + 5000, at: { step: "freeze" } });
});

test("a run is found by the beginning of its id or short id, in either case, newest first", () => {
  const { journal } = testJournal();
  const runs = [dawn, dawn + 1000, dawn + 2000].map((at) => journal.open({ ...opened(), run: newRunId(at) }).run);
  const [first, , last] = runs as [string, string, string];
  expect(journal.find(first)).toEqual([first]);
  expect(journal.find(first.toUpperCase())).toEqual([first]);
  expect(journal.find(` ${shortRunId(last).toLowerCase()} `)).toContain(last);
  expect(journal.find(last.slice(0, 6))).toEqual(runs.toReversed());
  expect(journal.find("zzzz%")).toEqual([]);
});

test("a run that is not there is a fault that says where to look", () => {
  const { journal } = testJournal();
  const nobody = newRunId(dawn);
  const expected = { code: "HF-JOURNAL-NO-RUN", exit: "input", next: ["holdfast journal list"] };
  expect(faultOf(() => journal.read(nobody))).toMatchObject(expected);
  expect(faultOf(() => journal.take(nobody))).toMatchObject(expected);
  expect(faultOf(() => journal.take("../../etc/passwd"))).toMatchObject(expected);
});

test("after release nothing can be appended, and releasing again does nothing", () => {
  const { journal } = testJournal();
  const run = journal.open(opened());
  run.release();
  run.release();
  expect(faultOf(() => run.append([note("late")])).code).toBe("HF-RUN-NOT-HELD");
  expect(faultOf(() => run.storePayload("late", new Uint8Array(1))).code).toBe("HF-RUN-NOT-HELD");
});
