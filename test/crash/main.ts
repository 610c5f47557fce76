/**
 * `npm run test:crash -- [flags]`: damages a target, lets faults befall the processes that recover it, resumes until it is done, and looks
 * whether every invariant of docs/reliability.md held. Ends with 1 when one did not; for a mutant, when none broke.
 */
import type { TrialPlan } from "./drive.ts";
import { matrixLines, totalLine } from "./matrix.ts";
import { canMount } from "./place.ts";
import { atBoundary, type Course, courseOf, inResume, randomPlan } from "./plans.ts";
import { randomFrom } from "./random.ts";
import { planText, repeatLine, violationLines } from "./say.ts";
import { sample, type Trial, trial } from "./trial.ts";
import { type CrashWishes, readWishes, usage } from "./wishes.ts";
import type { CrashWorld } from "./world.ts";
import { openWorld } from "./worlds.ts";

const say = (line: string) => process.stdout.write(`${line}\n`);

try {
  process.exitCode = await main(readWishes(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
  process.exitCode = 2;
}

async function main(wishes: CrashWishes): Promise<number> {
  if (!canMount) say("SKIPPED: the full disk; only root can mount a small one");
  const world = await openWorld(wishes.runbook, wishes.engine, wishes.which);
  try {
    const whole = await trial(world, { faults: [], face: "json" });
    if (whole.violations.length > 0) throw new Error(`a run without a fault: ${violationLines(whole).join("; ")}`);
    const course = courseOf(whole);
    say(`a run without a fault passes ${course.trace.length} boundaries`);
    return verdict(wishes, await tryAll(world, wishes, course));
  } finally {
    await world.end();
  }
}

interface Tried {
  readonly trials: readonly Trial[];
  readonly seconds: number;
}

async function tryAll(world: CrashWorld, wishes: CrashWishes, course: Course): Promise<Tried> {
  const began = performance.now();
  const since = () => (performance.now() - began) / 1000;
  const plans = plansOf(wishes, course);
  const trials: Trial[] = [];
  const asked = { toStop: false };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => (asked.toStop = true));
  for (const [at, plan] of plans.entries()) {
    const from = since();
    const result = await trial(world, plan, course);
    if (asked.toStop) break; // Ctrl-C reached the server as well: nothing is said of this one
    trials.push(result);
    const word = result.violations.length === 0 ? "ok   " : "WRONG";
    const where = result.processes.flatMap((one) => (one.where === null ? [] : [one.where])).join(", ");
    say(
      `${String(at + 1).padStart(5)} of ${plans.length}  ${word}  ${result.processes.length} processes  ${(since() - from).toFixed(1)} s  ${planText(plan)}${where === "" ? "" : `  at ${where}`}`,
    );
    for (const line of violationLines(result)) say(`       ${line}`);
    if (wishes.mutant !== undefined && result.violations.length > 0) break;
  }
  return { trials, seconds: since() };
}

function plansOf(wishes: CrashWishes, course: Course): readonly TrialPlan[] {
  const { repeat, face, mutant, seed } = wishes;
  if (repeat !== null) return [{ faults: repeat, face, ...(mutant === undefined ? {} : { mutant }) }];
  const random = randomFrom(seed);
  return [
    ...sample(
      [...course.boundaries.map((at) => atBoundary(at, mutant)), ...inResume(course, mutant)],
      wishes.boundaries,
    ),
    ...Array.from({ length: wishes.trials }, () => randomPlan(random, course, wishes)),
  ];
}

function verdict(wishes: CrashWishes, { trials, seconds }: Tried): number {
  say("");
  for (const line of matrixLines(trials)) say(line);
  say("");
  say(`seed ${wishes.seed}: ${totalLine(trials, seconds)}`);
  const bad = trials.filter(({ violations }) => violations.length > 0);
  if (wishes.mutant === undefined) {
    for (const one of bad) say(`again: ${repeatLine(wishes, one.plan)}`);
    return bad.length === 0 ? 0 : 1;
  }
  const broken = [...new Set(bad.flatMap(({ violations }) => violations.map(({ invariant }) => invariant)))];
  if (bad.length > 0) say(`the mutant ${wishes.mutant} was found at trial ${trials.length}, by ${broken.join(", ")}`);
  else say(`the mutant ${wishes.mutant} was NOT found in ${trials.length} trials`);
  return bad.length > 0 ? 0 : 1;
}
