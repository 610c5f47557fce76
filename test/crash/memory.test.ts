import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { root } from "../support/source.ts";
import { memoryWorld } from "./memory-world.ts";
import { atBoundary, courseOf } from "./plans.ts";
import { planText, violationLines } from "./say.ts";
import { sample, trial } from "./trial.ts";
import type { CrashWorld } from "./world.ts";

const world = memoryWorld();
const wholeRun = { faults: [], face: "json" } as const;
afterAll(() => world.end());

/** The same incident and the same recovery, inlined into a runbook that also looks at each of two tables. */
const using: CrashWorld = {
  ...world,
  run: [
    path.join(root, "test/fixtures/runbooks/recover-by-use.yaml"),
    "--target",
    "shop",
    "--set",
    "table=public.orders",
    "--set",
    "tables=public.orders,public.lines",
  ],
  choices: world.choices.map((choice) => `recover/${choice}`),
  results: Object.fromEntries(Object.entries(world.results).map(([step, result]) => [`recover/${step}`, result])),
};

test("a runbook with each: and use:, killed at its expansions and within what it uses, does each thing once", async () => {
  const whole = await trial(using, wholeRun);
  expect(whole.violations).toEqual([]);
  expect(whole.markers).toContain("recover/merge:public.orders");
  const course = courseOf(whole);
  const own = course.boundaries.filter(({ name }) => /:(look|each-again)/.test(name));
  expect(own.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "step.expanded:look",
      "step.intended:look:public.orders",
      "step.ended:each-again:public.lines",
    ]),
  );
  const plans = [...own, ...sample(course.boundaries, 8)].map((at) => atBoundary(at));
  const bad: string[] = [];
  for (const plan of plans) {
    const result = await trial(using, plan, course);
    if (!result.processes[0]?.struck) bad.push(`${planText(plan)}: was never reached`);
    bad.push(...violationLines(result));
  }
  expect(bad).toEqual([]);
});

describe("restore-after-bad-delete without a server", () => {
  test("killed at a sample of its boundaries and resumed, each row is back exactly once and nothing is left", async () => {
    const whole = await trial(world, wholeRun);
    expect(whole.violations).toEqual([]);
    const course = courseOf(whole);
    const plans = sample(course.boundaries, 20).map((at) => atBoundary(at));
    expect(plans.length).toBe(20);
    const bad: string[] = [];
    for (const plan of plans) {
      const result = await trial(world, plan, course);
      if (!result.processes[0]?.struck) bad.push(`${planText(plan)}: was never reached`);
      bad.push(...violationLines(result));
    }
    expect(bad).toEqual([]);
  });

  test.each([
    ["marker-off-once", { name: "step.intended:safety-copy", nth: 1 }],
    ["marker-off-batches", { name: "batch.done", nth: 2 }],
    ["outcome-before-effect", { name: "step.intended:merge", nth: 1 }],
    ["synchronous-normal", { name: "run.opened", nth: 1 }],
  ] as const)("the mutant %s is noticed", async (mutant, at) => {
    const usual = await trial(world, wholeRun);
    const result = await trial(world, atBoundary(at, mutant), usual);
    expect(result.violations).not.toEqual([]);
  });
});
