import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFault } from "./fault.ts";
import { canMount } from "./place.ts";
import { atBoundary, courseOf } from "./plans.ts";
import { postgresWorld } from "./postgres-world.ts";
import { planText, violationLines } from "./say.ts";
import { sample, type Trial, trial } from "./trial.ts";
import type { CrashWorld } from "./world.ts";

let world: CrashWorld;
let whole: Trial;
beforeAll(async () => {
  world = await postgresWorld();
  whole = await trial(world, { faults: [], face: "json" });
});
afterAll(() => world.end());

describe("restore-after-bad-delete on PostgreSQL", () => {
  test("killed at a sample of its boundaries and resumed, each row is back exactly once and nothing is left", async () => {
    expect(whole.violations).toEqual([]);
    const plans = sample(courseOf(whole).boundaries, 18).map((at) => atBoundary(at));
    expect(plans.length).toBe(18);
    const bad: string[] = [];
    for (const plan of plans) {
      const result = await trial(world, plan, whole);
      if (!result.processes[0]?.struck) bad.push(`${planText(plan)}: was never reached`);
      bad.push(...violationLines(result));
    }
    expect(bad).toEqual([]);
  });

  test.each([
    ["killed at any moment, as built", "moment@60+3"],
    ["cut off before its COMMIT arrives", "cut-before@4"],
    ["cut off before the answer to its COMMIT arrives", "cut-after@4"],
    ["killed while a statement is on its way", "orphan@3"],
    ["killed while a COMMIT is on its way", "orphan@10"],
    ["left alone by a server that crashes", "restart@batch.done#4"],
    ["left alone by a server that crashes before its pins are safe on disk", "restart@lease.made:row-pin#1"],
    ["stopped beyond every lock time-out while another process resumes", "stop@marker.before-commit#3"],
    ["killed, and killed again in its resume", "kill@step.effected:rescue#1 kill@*#20"],
  ])("%s, it is finished by its resumes", async (_, faults) => {
    const result = await trial(world, { faults: faults.split(" ").map(readFault), face: "json" }, whole);
    expect(result.processes.map(({ struck }) => struck)).toContain(true);
    expect(violationLines(result)).toEqual([]);
  });

  test.skipIf(!canMount)("with no room left for its journal, it stops, and goes on when there is room", async () => {
    const result = await trial(world, { faults: [readFault("full@step.ended:check#1")], face: "plain" }, whole);
    expect(result.processes.map(({ struck }) => struck)).toContain(true);
    expect(violationLines(result)).toEqual([]);
  });

  test.each([
    ["marker-off-once", "kill@step.effected:rescue#1"],
    ["marker-off-batches", "kill@batch.done#2"],
    ["fence-off", "orphan@3"],
    ["outcome-before-effect", "kill@step.intended:merge#1"],
  ] as const)("the mutant %s is noticed", async (mutant, fault) => {
    const result = await trial(world, { faults: [readFault(fault)], face: "json", mutant }, whole);
    expect(result.violations).not.toEqual([]);
  });
});
