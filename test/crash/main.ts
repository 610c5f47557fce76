/**
 * `npm run test:crash -- [flags]`: damages a target, lets faults befall the processes that recover it, resumes until it is done, and looks
 * whether every invariant of docs/reliability.md held. Ends with 1 when one did not; for a mutant, when none broke; and
 * where one trial was asked for, when its faults never struck.
 */
import type { TrialPlan } from "./drive.ts";
import { canMount } from "./place.ts";
import { atBoundary, type Course, courseOf, inResume, randomPlan } from "./plans.ts";
import { randomFrom } from "./random.ts";
import { planText, violationLines } from "./say.ts";
import { sample, type Trial, trial } from "./trial.ts";
import { type Tried, verdict } from "./verdict.ts";
import { asksHelp, type CrashWishes, readWishes, usage } from "./wishes.ts";
import type { CrashWorld } from "./world.ts";
import { openWorld } from "./worlds.ts";

const say = (line: string) => process.stdout.write(`${line}\n`);

try {
  const args = process.argv.slice(2);
  if (asksHelp(args)) say(usage);
  else process.exitCode = await main(readWishes(args));
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
    const { lines, exit } = verdict(wishes, await tryAll(world, wishes, course));
    for (const line of lines) say(line);
    return exit;
  } finally {
    await world.end();
  }
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
