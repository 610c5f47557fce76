import { afterAll, describe, expect, test } from "vitest";
import { boundariesOf, sample, trial } from "./harness.ts";
import { memoryWorld } from "./memory-world.ts";

const world = memoryWorld();
afterAll(() => world.end());

describe("restore-after-bad-delete without a server", () => {
  test("killed at any of its boundaries and resumed, each row is back exactly once and nothing is left", async () => {
    const whole = await trial(world, null);
    expect(whole.wrong).toEqual([]);
    const boundaries = sample(boundariesOf(whole.trace), 45);
    expect(boundaries.length).toBeGreaterThan(30);
    const bad: string[] = [];
    for (const boundary of boundaries) {
      const result = await trial(world, boundary);
      if (!result.killed) bad.push(`${boundary.name}#${boundary.nth}: was never reached`);
      bad.push(...result.wrong.map((what) => `${boundary.name}#${boundary.nth}: ${what}`));
    }
    expect(bad).toEqual([]);
  });

  test("an outcome that is journaled before its effect is noticed", async () => {
    const result = await trial(world, null, { mutant: "outcome-before-effect" });
    expect(result.wrong).not.toEqual([]);
  });
});
