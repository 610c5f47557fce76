import { describe, expect, test } from "vitest";
import { type CrashFault, faultKinds, faultText, readFault } from "./fault.ts";
import { atBoundary, type Course, inResume, randomPlan } from "./plans.ts";
import { randomFrom } from "./random.ts";
import { repeatLine } from "./say.ts";
import { boundariesOf, sample } from "./trial.ts";
import { readWishes } from "./wishes.ts";

const course: Course = {
  trace: Array.from({ length: 200 }, (_, at) => (at % 10 === 0 ? "marker.before-commit" : "journal.append:after")),
  lines: 80,
  boundaries: [],
  markers: [],
};
const drawn = (seed: number, depth = 2) => {
  const random = randomFrom(seed);
  return Array.from({ length: 200 }, () => randomPlan(random, course, { kinds: faultKinds, depth }));
};

describe("what is drawn", () => {
  test("is the same for the same seed, and another for another", () => {
    expect(drawn(7)).toEqual(drawn(7));
    expect(drawn(7)).not.toEqual(drawn(8));
  });

  test("has every kind of fault, as many as the depth says, each within the run", () => {
    const faults = drawn(1, 3).flatMap((plan) => plan.faults);
    expect(faults.length).toBe(600);
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(faultKinds));
    const points = faults.flatMap((fault) => ("at" in fault ? [fault.at.nth] : []));
    expect(Math.min(...points)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...points)).toBeLessThanOrEqual(200);
  });

  test("can be written down and read again", () => {
    const faults = drawn(3).flatMap((plan) => plan.faults);
    expect(faults.map(faultText).map(readFault)).toEqual(faults);
    const named: CrashFault = { kind: "stop", at: { name: "lease.intended:row-pin", nth: 2 } };
    expect(readFault(faultText(named))).toEqual(named);
    for (const text of ["kill", "kill@x", "kill@x#", "moment@1", "orphan@x", "burn@1"])
      expect(() => readFault(text)).toThrow("no fault is written so");
  });

  test("is repeated by the command that a failure prints", () => {
    const plan = { ...atBoundary({ name: "batch.done", nth: 2 }, "fence-off"), face: "plain" } as const;
    const which = { path: "clone", incident: "truncate" } as const;
    const line = repeatLine({ runbook: "restore-after-bad-delete", engine: "postgres", which }, plan);
    const args = line.replace("npm run test:crash -- ", "").match(/"[^"]*"|\S+/g) ?? [];
    const wishes = readWishes(args.map((word) => word.replaceAll('"', "")));
    expect(wishes).toMatchObject({ repeat: plan.faults, face: "plain", mutant: "fence-off", trials: 0, boundaries: 0 });
    expect(wishes.which).toEqual(which);
  });

  test("has rows to bring back by the path that is asked for", () => {
    expect(readWishes([]).which).toEqual({ path: "recommended", incident: "delete" });
    expect(readWishes(["--path", "wal"]).which).toEqual({ path: "wal", incident: "delete" });
    expect(() => readWishes(["--path", "hope"])).toThrow("--path takes recommended, pg-dirtyread, wal, clone");
    expect(() => readWishes(["--path", "wal", "--incident", "truncate"])).toThrow("needs --path clone");
    expect(() => readWishes(["--path", "wal", "--engine", "memory"])).toThrow("--path is for --engine postgres");
  });
});

describe("the boundaries that are tried", () => {
  test("are each name's first, middle and last time", () => {
    expect(boundariesOf(["a", "b", "b", "b", "b", "b"])).toEqual([
      { name: "a", nth: 1 },
      { name: "b", nth: 1 },
      { name: "b", nth: 3 },
      { name: "b", nth: 5 },
    ]);
  });

  test("are those of a resume as well, each where the run was killed so that it has to pass it", () => {
    const [opened, merge] = inResume({
      boundaries: [
        { name: "batch.done", nth: 1 },
        { name: "step.intended:merge", nth: 1 },
      ],
    });
    expect(opened?.faults.map(faultText)).toEqual(["kill@run.opened#1", "kill@run.resumed#1"]);
    expect(merge?.faults.map(faultText)).toEqual(["kill@step.intended:merge#1", "kill@step.settled:merge#1"]);
  });

  test("are sampled evenly", () => {
    expect(sample([1, 2, 3, 4, 5, 6], 3)).toEqual([1, 3, 5]);
    expect(sample([1, 2], 3)).toEqual([1, 2]);
  });
});

describe("the command line", () => {
  test("without flags tries every boundary and then some at random; with --trials or --mutant only those", () => {
    expect(readWishes([])).toMatchObject({ engine: "postgres", boundaries: Infinity, trials: 20, depth: 1, seed: 1 });
    expect(readWishes(["--trials", "300", "--depth", "2"])).toMatchObject({ boundaries: 0, trials: 300, depth: 2 });
    expect(readWishes(["--mutant", "fence-off"])).toMatchObject({ boundaries: 0, mutant: "fence-off" });
    expect(readWishes(["--boundaries", "all", "--trials", "0"])).toMatchObject({ boundaries: Infinity, trials: 0 });
  });

  test("knows which faults an engine can have, and refuses what it does not know", () => {
    expect(readWishes(["--faults", "kill,connection"]).kinds).toEqual(["kill", "cut-before", "cut-after"]);
    expect(readWishes(["--engine", "memory"]).kinds).not.toContain("restart");
    expect(() => readWishes(["--engine", "memory", "--faults", "restart"])).toThrow("--faults takes");
    for (const args of [["--mutant", "x"], ["--trials", "many"], ["--depth", "4"], ["--nonsense"]])
      expect(() => readWishes(args)).toThrow();
  });
});
