import { describe, expect, test } from "vitest";
import { applyEvent, foldRun, openRun } from "../../src/core/apply-event.ts";
import type { RunEvent, Stamped } from "../../src/core/event.ts";
import type { Lease } from "../../src/core/lease.ts";
import { atRest, currentStep, isClosed, isCounted, openLeases, outputKept, stepOf } from "../../src/core/run-state.ts";
import { aPlan, aStep, opened, stamp } from "../support/runs.ts";

const lease: Lease = {
  id: "L1",
  kind: "row-pin",
  name: "holdfast_rows",
  where: "main",
  step: "freeze",
  words: "a pin",
  byHand: "drop it",
  keepable: false,
  facts: null,
};
const plan = aPlan([
  aStep("freeze", { effect: "hold" }),
  aStep("statement", { choose: "one" }),
  aStep("merge", { effect: "write" }),
]);
const intended = (step: string, attempt = 1): RunEvent => ({
  kind: "step.intended",
  step,
  attempt,
  params: {},
  recovery: "probe",
});
const done = (step: string, attempt = 1): RunEvent => ({
  kind: "step.ended",
  step,
  attempt,
  outcome: "done",
  took: 5,
  result: { rows: 3 },
});
const resumed: RunEvent = {
  kind: "run.resumed",
  person: { operator: "b", host: "h2" },
  version: "0",
  wishes: { choices: { path: "x" }, keepRescue: true },
};

function after(...events: RunEvent[]) {
  return foldRun(stamp([opened(plan), ...events]));
}

describe("the fold", () => {
  test("refuses a run that does not begin with its opening, and one without events", () => {
    expect(() => foldRun(stamp([intended("merge")]))).toThrow("begins with run.opened");
    expect(() => foldRun([])).toThrow("at least");
    expect(() => after(opened(plan))).toThrow("opened once");
  });

  test("gives the same state event by event as at once, and changes no state it was given", () => {
    const events = stamp([opened(plan), intended("freeze"), done("freeze"), intended("statement"), done("statement")]);
    let state = openRun(events[0] as Stamped);
    for (const event of events.slice(1)) {
      const frozen = structuredClone(state);
      const next = applyEvent(state, event);
      expect(state).toEqual(frozen);
      state = next;
    }
    expect(state).toEqual(foldRun(events));
  });

  test("an intent without an outcome runs while its process lives, and is unknown after a resume", () => {
    expect(stepOf(after(intended("merge")), "merge").status).toBe("running");
    expect(stepOf(after(intended("merge"), resumed), "merge").status).toBe("unknown");
  });

  test("a question in the air and a check in progress are asked and made anew after a resume", () => {
    const checking: RunEvent = { kind: "step.checked", step: "freeze", findings: [] };
    const state = after(checking, resumed);
    expect(state.question).toBeNull();
    expect(stepOf(state, "freeze").status).toBe("todo");
    expect(state.person.operator).toBe("b");
    expect(state.openedBy.operator).toBe("ops");
    expect(state.wishes).toEqual({ choices: { path: "x" }, keepRescue: true });
  });

  test("a step that is done but waits for its choice is still the current one", () => {
    const before = after(intended("freeze"), done("freeze"), intended("statement"), done("statement"));
    expect(currentStep(before)?.step.key).toBe("statement");
    const chosen: RunEvent = {
      kind: "question.answered",
      question: "Q1",
      step: "statement",
      by: "ops",
      answered: { kind: "chosen", value: "7", label: "seven", data: { rows: 7 } },
    };
    const state = foldRun(
      stamp([opened(plan), intended("freeze"), done("freeze"), intended("statement"), done("statement"), chosen]),
    );
    expect(currentStep(state)?.step.key).toBe("merge");
    expect(stepOf(state, "statement").choice?.data).toEqual({ rows: 7 });
  });

  test("settling decides: done ends the step, redo begins it again, go-on goes on from what is there, ask leaves it unknown", () => {
    const settled = (decision: "done" | "redo" | "go-on" | "ask"): RunEvent => ({
      kind: "step.settled",
      step: "merge",
      attempt: 1,
      finding: "partial",
      evidence: ["marker"],
      decision,
      ...(decision === "done" ? { result: { rows: 9 } } : {}),
    });
    const status = (decision: "done" | "redo" | "go-on" | "ask") =>
      stepOf(after(intended("merge"), resumed, settled(decision)), "merge");
    expect(status("done").status).toBe("done");
    expect(status("done").result).toEqual({ rows: 9 });
    expect(status("redo").status).toBe("todo");
    expect(status("go-on").status).toBe("stopped");
    expect(status("ask").status).toBe("unknown");
    expect(status("ask").settled?.evidence).toEqual(["marker"]);
  });

  test("what a write was counted to have written stays with it, and is only the least once it runs again", () => {
    const written = { rows: 20, done: 21, total: 30, unit: "rows", tables: [{ table: "public.orders", rows: 20 }] };
    const settled: RunEvent = {
      kind: "step.settled",
      step: "merge",
      attempt: 1,
      finding: "partial",
      evidence: [],
      written,
      decision: "go-on",
    };
    const counted = stepOf(after(intended("merge"), settled, { kind: "run.paused", reason: "" }), "merge");
    expect([counted.status, counted.written, isCounted(counted)]).toEqual([
      "stopped",
      { ...written, attempt: 1 },
      true,
    ]);
    const looked = stepOf(
      after(intended("merge"), settled, { kind: "step.checked", step: "merge", findings: [] }),
      "merge",
    );
    expect([looked.status, atRest(looked).status, isCounted(looked)]).toEqual(["checking", "stopped", true]);
    const again: RunEvent = { kind: "step.intended", step: "merge", attempt: 2, params: {}, recovery: "cursor" };
    const running = stepOf(after(intended("merge"), settled, again), "merge");
    expect([running.status, running.written?.rows, isCounted(running)]).toEqual(["running", 20, false]);
    expect(isCounted(stepOf(after(intended("merge"), settled, again, resumed), "merge"))).toBe(false);
  });

  test("a run that is paused or closed has no step that runs or waits: unknown, failed or as it was before", () => {
    const paused: RunEvent = { kind: "run.paused", reason: "" };
    const closed: RunEvent = { kind: "run.closed", outcome: "abandoned", reason: "" };
    const checking: RunEvent = { kind: "step.checked", step: "merge", findings: [] };
    const fault = { code: "HF-X", message: "", after: "rolled-back", exit: "failed" } as const;
    const failed: RunEvent = { kind: "step.ended", step: "merge", attempt: 1, outcome: "failed", fault, took: 1 };
    for (const end of [paused, closed]) {
      const status = (...events: RunEvent[]) => stepOf(after(...events, end), "merge").status;
      expect(status(intended("merge"))).toBe("unknown");
      expect(status(checking)).toBe("todo");
      expect(status(intended("merge"), failed, checking)).toBe("failed");
    }
  });

  test("a lease is open from its intent until it is given back or kept", () => {
    const taken: RunEvent[] = [
      { kind: "lease.intended", lease },
      { kind: "lease.taken", lease: "L1", facts: { xmin: "7" } },
    ];
    expect(openLeases(after(taken[0] as RunEvent))).toHaveLength(1);
    expect(openLeases(after(...taken))[0]?.facts).toEqual({ xmin: "7" });
    expect(
      openLeases(after(...taken, { kind: "lease.changed", lease: "L1", words: "narrowed", facts: { xmin: "9" } }))[0]
        ?.lease.words,
    ).toBe("narrowed");
    expect(openLeases(after(...taken, { kind: "lease.released", lease: "L1", how: "released" }))).toEqual([]);
    const kept = after(...taken, { kind: "lease.kept", lease: "L1", until: 99 });
    expect(openLeases(kept)).toEqual([]);
    expect(kept.leases[0]?.keptUntil).toBe(99);
  });

  test("a guard's newest verdict on a step replaces its older one", () => {
    const verdict = (reason: string): RunEvent => ({
      kind: "guard.judged",
      step: "merge",
      guard: "stop-file",
      verdict: "allow",
      reason,
    });
    expect(after(verdict("one"), verdict("two")).guards.map((guard) => guard.reason)).toEqual(["two"]);
  });

  test("progress remembers where it began, so that a rate can be told; a new attempt and another unit begin anew", () => {
    const progressed = (done_: number, unit = "rows"): RunEvent => ({
      kind: "step.progressed",
      step: "merge",
      progress: { done: done_, total: 100, unit },
    });
    const state = after(intended("merge"), progressed(10), progressed(30));
    expect(stepOf(state, "merge").progress).toMatchObject({ done: 30, from: 10 });
    expect(stepOf(after(intended("merge"), progressed(10), intended("merge", 2)), "merge").progress).toBeUndefined();
    const other = after(intended("merge"), progressed(70, "pages"), progressed(5), progressed(20));
    expect(stepOf(other, "merge").progress).toMatchObject({ done: 20, from: 5 });
  });

  test("only the newest output lines are kept in the state", () => {
    const lines = Array.from({ length: outputKept + 5 }, (_, n): RunEvent => ({
      kind: "output.printed",
      step: "merge",
      text: `line ${n}`,
    }));
    const state = after(...lines);
    expect(state.output).toHaveLength(outputKept);
    expect(state.output.at(-1)?.text).toBe(`line ${outputKept + 4}`);
  });

  test("closing ends the run; pausing leaves it open", () => {
    expect(isClosed(after({ kind: "run.closed", outcome: "done", reason: "" }))).toBe(true);
    expect(isClosed(after({ kind: "run.paused", reason: "q" }))).toBe(false);
  });
});

describe("an expansion", () => {
  const expanded = (...names: string[]): RunEvent => ({
    kind: "step.expanded",
    step: "merge",
    items: names.map((name) => ({ name, title: `Merge ${name}`, value: { name, rows: 3 } })),
  });
  const template = aPlan([
    aStep("freeze"),
    aStep("merge", {
      effect: "write",
      each: "${steps.freeze.result}",
      itemTitle: "${item.title}",
      with: { t: "${item}" },
    }),
    aStep("last"),
  ]);
  const from = (...events: RunEvent[]) => foldRun(stamp([opened(template), ...events]));

  test("puts one step of each item in the template's place, in order, and nothing of the template but what they share", () => {
    const { steps, plan: frozen } = from(done("freeze"), expanded("b", "a:1"));
    expect(steps.map(({ step, status }) => [step.key, status])).toEqual([
      ["freeze", "done"],
      ["merge:b", "todo"],
      ["merge:a:1", "todo"],
      ["last", "todo"],
    ]);
    expect(steps[2]?.step).toEqual({
      ...aStep("merge", { effect: "write", with: { t: "${item}" } }),
      key: "merge:a:1",
      title: "Merge a:1",
      item: { of: "merge", name: "a:1", value: { name: "a:1", rows: 3 } },
    });
    expect(frozen.steps.map(({ key }) => key)).toEqual(["freeze", "merge", "last"]);
  });

  test("without items leaves the template there, skipped, with a list of none", () => {
    const state = from(done("freeze"), expanded());
    expect(stepOf(state, "merge")).toMatchObject({ status: "skipped", result: [] });
    expect(currentStep(state)?.step.key).toBe("last");
  });

  test("is in the way of nothing that follows: an item begun when the process ended is unknown, the others are as they were", () => {
    const state = from(
      done("freeze"),
      expanded("a", "b", "c"),
      intended("merge:a"),
      done("merge:a"),
      intended("merge:b"),
      resumed,
    );
    expect(state.steps.map(({ status }) => status)).toEqual(["done", "done", "unknown", "todo", "todo"]);
    expect(currentStep(state)?.step.key).toBe("merge:b");
  });
});
