import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { boundariesOf, type CrashWorld, sample, trial } from "./harness.ts";
import { postgresWorld } from "./postgres-world.ts";

let world: CrashWorld;
beforeAll(async () => {
  world = await postgresWorld();
});
afterAll(() => world.end());

/** How many of the boundaries a run in CI tries; `npm run test:crash` with HOLDFAST_CRASH=all tries each. */
const size = process.env.HOLDFAST_CRASH === "all" ? Number.POSITIVE_INFINITY : 40;

describe("restore-after-bad-delete on PostgreSQL", () => {
  test("killed at any of its boundaries and resumed, each row is back exactly once and nothing is left", async () => {
    const whole = await trial(world, null);
    expect(whole.wrong).toEqual([]);
    const boundaries = sample(boundariesOf(whole.trace), size);
    expect(boundaries.length).toBeGreaterThan(30);
    const bad: string[] = [];
    for (const boundary of boundaries) {
      const result = await trial(world, boundary);
      if (!result.killed) bad.push(`${boundary.name}#${boundary.nth}: was never reached`);
      bad.push(...result.wrong.map((what) => `${boundary.name}#${boundary.nth}: ${what}`));
    }
    expect(bad).toEqual([]);
  });

  test.each(["marker-off", "outcome-before-effect"] as const)("the mutant %s is noticed", async (mutant) => {
    const result = await trial(world, { name: "batch.done", nth: 2 }, { mutant });
    expect(result.wrong).not.toEqual([]);
  });
});
