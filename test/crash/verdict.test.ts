import path from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import type { CrashFault } from "./fault.ts";
import type { Trial } from "./trial.ts";
import { verdict } from "./verdict.ts";
import { readWishes } from "./wishes.ts";

const fault: CrashFault = { kind: "kill", at: { name: "batch.done", nth: 2 } };
const nowhere = ["--repeat", "kill@nowhere#2"];

function tried(struck: boolean, violations: Trial["violations"] = []) {
  const process = { fault, struck, where: null, beside: null, stdout: "", stderr: "", code: 0, signal: null };
  const one = {
    plan: { faults: [fault], face: "json" },
    processes: [process],
    violations,
    trace: [],
    settled: 0,
    markers: [],
  };
  return { trials: [one as unknown as Trial], seconds: 3 };
}

test("a trial that was asked for by its faults, and saw none of them strike, ends with 1 and says so", () => {
  const { lines, exit } = verdict(readWishes(nowhere), tried(false));
  expect([exit, lines.at(-1)]).toEqual([1, expect.stringMatching(/^NO FAULT STRUCK: /)]);
  const struck = verdict(readWishes(nowhere), tried(true));
  expect([struck.exit, struck.lines.at(-1)]).toEqual([0, expect.stringMatching(/^seed 1: 1 trials/)]);
});

test("of many that are drawn one may miss; a broken invariant is told with the command that repeats it", () => {
  expect(verdict(readWishes(["--trials", "1"]), tried(false)).exit).toBe(0);
  const broken = verdict(readWishes(nowhere), tried(true, [{ invariant: "I4", what: "twice" }]));
  expect([broken.exit, broken.lines.at(-1)]).toEqual([1, expect.stringContaining('--repeat "kill@batch.done#2"')]);
});

test("a mutant that broke nothing ends with 1, one that broke something with 0", () => {
  const wishes = readWishes(["--mutant", "marker-off-once"]);
  expect(verdict(wishes, tried(true)).exit).toBe(1);
  expect(verdict(wishes, tried(true, [{ invariant: "I4", what: "twice" }])).exit).toBe(0);
});

test.each([
  ["the crash harness", "test/crash/main.ts", "npm run test:crash -- [flags]"],
  ["the bench", "bench/main.ts", "npm run bench -- [P1 growth P3 P4] [--write]"],
])("%s says how it is used when it is asked for help, and does nothing else", async (_what, file, first) => {
  const root = path.resolve(import.meta.dirname, "../..");
  const { exitCode, stdout, stderr } = await execa(process.execPath, [file, "--help"], { cwd: root, reject: false });
  expect([exitCode, stderr, stdout.split("\n")[0]]).toEqual([0, "", first]);
});
