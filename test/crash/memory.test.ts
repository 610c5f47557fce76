import { afterAll, describe, expect, test } from "vitest";
import { memoryWorld } from "./memory-world.ts";
import { atBoundary, courseOf } from "./plans.ts";
import { planText, violationLines } from "./say.ts";
import { sample, trial } from "./trial.ts";

const world = memoryWorld();
const wholeRun = { faults: [], face: "json" } as const;
afterAll(() => world.end());

describe("restore-after-bad-delete without a server", () => {
  test("killed at a sample of its boundaries and resumed, each row is back exactly once and nothing is left", async () => {
    const whole = await trial(world, wholeRun);
    expect(whole.violations).toEqual([]);
    const course = courseOf(whole);
    const plans = sample(course.boundaries, 30).map((at) => atBoundary(at));
    expect(plans.length).toBe(30);
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
