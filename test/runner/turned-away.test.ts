import { expect, test } from "vitest";
import type { Guard } from "../../src/guards/guard.ts";
import { stopFile } from "../../src/guards/stop-file.ts";
import { openRun } from "../../src/runner/open-session.ts";
import { aLease, anAction, live, planOf, setKeeper, world } from "../support/runner.ts";

const headless = { ...live, interactive: false, yesSandbox: true };

const broken: Guard = {
  name: "broken",
  summary: "",
  before: ["write"],
  sandbox: "asked",
  watched: false,
  judge: async () => {
    throw new Error("can't look");
  },
};

/** A run that a guard denies at its write: as its first step, or after one that took a lease. */
async function denied(guard: Guard, first: "write" | "hold", purpose: "live" | "dry-run" = "live") {
  const { parts } = world({ guards: [guard] });
  const pins = new Set<string>();
  const freeze = anAction("freeze", "hold", async (ctx) => {
    await ctx.lease({ lease: aLease("pin", "rows"), take: async () => (pins.add("rows"), null) });
    return null;
  });
  const actions = [...(first === "hold" ? [freeze] : []), anAction("merge", "write", async () => null)];
  const all = { ...parts, actions, machineKeepers: { pin: setKeeper(pins) }, readText: async () => "broken disk" };
  return openRun(all, planOf(actions, "sandbox"), { ...headless, purpose }).ended;
}

const onWrites: Guard = { ...stopFile, before: ["write"], watched: false };

test.each([
  ["a stop file", onWrites],
  ["a guard that can't be evaluated", broken],
])("%s at the first step closes the run, and does not say to resume it", async (_what, guard) => {
  const { state, fault } = await denied(guard, "write");
  expect([state.status, fault?.code]).toEqual(["abandoned", "HF-GUARD-DENIED"]);
  expect(fault?.still).toBe("Nothing was begun and nothing is held: the run is closed.");
  expect(fault?.hint).toMatch(/then begin anew\.$/);
  expect(fault?.hint).not.toMatch(/resume/i);
});

test.each([
  ["a stop file", onWrites],
  ["a guard that can't be evaluated", broken],
])("%s after something was held leaves the run open, to be resumed", async (_what, guard) => {
  const { state, fault } = await denied(guard, "hold");
  expect([state.status, fault?.code]).toEqual(["paused", "HF-GUARD-DENIED"]);
  expect([fault?.still, fault?.hint]).toEqual([
    expect.stringContaining("still held"),
    expect.stringMatching(/then resume\.$/),
  ]);
});

test("a dry run that is turned away is started again, and holds nothing that its fault could speak of", async () => {
  const { state, fault } = await denied(onWrites, "hold", "dry-run");
  expect(state.status).toBe("abandoned");
  expect(fault?.still).toBe("It was a dry run: nothing was changed, and nothing is held.");
  expect(fault?.hint).toMatch(/then start the dry run again\.$/);
});

test("a dry run that can look no further keeps saying that what was shown is exact", async () => {
  const { parts } = world();
  const preview = async () => ({ summary: "", lines: [], counts: {}, incomplete: "no extension" });
  const actions = [anAction("look", "read", async () => null, { preview })];
  const dry = { ...headless, purpose: "dry-run" as const };
  const { fault } = await openRun({ ...parts, actions }, planOf(actions, "sandbox"), dry).ended;
  expect(fault).toMatchObject({ exit: "incomplete", still: expect.stringContaining("is exact") });
});
