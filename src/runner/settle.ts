import type { RunEvent } from "../core/event.ts";
import type { PlannedStep } from "../core/plan.ts";
import { isCounted, type StepState, stepOf } from "../core/run-state.ts";
import type { Written } from "../core/step.ts";
import type { MarkerRow } from "../engines/marker.ts";
import { paramsOf } from "./binding.ts";
import { readContext } from "./context.ts";
import { isReached, reachAnew } from "./connecting.ts";
import { actionOf, type Driver, isDryRun, known } from "./driver.ts";

type Settled = Omit<Extract<RunEvent, { kind: "step.settled" }>, "kind" | "step" | "attempt">;

/** Finds out, by the step's recovery contract, what became of an intent without an outcome. Reads only; journaled before anything acts on it. */
export async function settle(driver: Driver, step: PlannedStep): Promise<void> {
  note(driver, step, await settledBy(driver, step));
}

/**
 * A pause came while a step acted, and nothing of it is in the air any more: the target is asked at once, so that nobody has to read
 * UNKNOWN of what is known. Where it can't be asked the intent stays open, and a resume asks.
 */
export async function settleAtPause(driver: Driver): Promise<void> {
  for (const { step } of driver.log.state.steps.filter(({ status }) => status === "running")) {
    const settled = await settledBy(driver, step).catch((error: unknown) => {
      known(driver, error);
      return null;
    });
    if (settled !== null) note(driver, step, settled);
  }
}

/** Before a run is given up, for good: the target says what stays written. One that does not answer leaves the run open. */
export async function settleForGood(driver: Driver): Promise<void> {
  const open = driver.log.state.steps.filter(isOpen);
  if (open.length === 0 || isDryRun(driver)) return;
  if (!(await isReached(driver))) await reachAnew(driver);
  for (const { step } of open) await settle(driver, step);
}

/** In the air, or a write that did not end and whose rows were not counted since. */
function isOpen(step: StepState): boolean {
  const { status, attempt } = step;
  if (status === "running" || status === "unknown") return true;
  const writes = step.step.effect === "write" || step.step.effect === "destroy";
  return writes && attempt > 0 && status !== "done" && status !== "skipped" && !isCounted(step);
}

/** By the step's markers; undefined where it does not write in batches. */
export async function writtenBy(driver: Driver, step: PlannedStep): Promise<Written | undefined> {
  const action = actionOf(driver, step);
  if (action.written === undefined || isDryRun(driver)) return undefined;
  return action.written(paramsOf(driver, step, action), await readContext(driver, step).markers(), step.key);
}

function note(driver: Driver, step: PlannedStep, settled: Settled): void {
  const { attempt } = stepOf(driver.log.state, step.key);
  driver.log.append({ kind: "step.settled", step: step.key, attempt, ...settled });
  driver.parts.reached(`step.settled:${step.key}`);
}

async function settledBy(driver: Driver, step: PlannedStep): Promise<Settled> {
  if (step.effect === "read" || isDryRun(driver)) return redo("a read has no effect: it is done again");
  switch (step.recovery) {
    case "transactional":
    case "cursor":
      return byMarkers(driver, step);
    case "idempotent":
      return redo("doing it again gives the same");
    case "probe":
      return byProbe(driver, step);
    case "manual":
      return { finding: "undecided", evidence: ["only a person can tell"], decision: "ask" };
  }
}

function redo(why: string): Settled {
  return { finding: "absent", evidence: [why], decision: "redo" };
}

/** The step runs again, and its markers hand out what is done: each effect happens once whichever way this reads. */
async function byMarkers(driver: Driver, step: PlannedStep): Promise<Settled> {
  const rows = await readContext(driver, step).markers();
  const action = actionOf(driver, step);
  const written = action.written?.(paramsOf(driver, step, action), rows, step.key);
  const told = written === undefined ? {} : { written };
  if (rows.length === 0)
    return { finding: "absent", evidence: ["no marker of this step is on the target"], decision: "redo", ...told };
  const finding = rows.every((row) => row.done) ? "done" : "partial";
  const evidence = rows.map((row) => markerWords(row, written === undefined));
  return { finding, evidence, decision: "go-on", ...told };
}

function markerWords(row: MarkerRow, withSums: boolean): string {
  const sums = row.result === null || !withSums ? "" : ` ${JSON.stringify(row.result)}`;
  return `marker ${row.key}: ${row.done ? "complete" : "begun"}${sums}, ${row.at}`;
}

async function byProbe(driver: Driver, step: PlannedStep): Promise<Settled> {
  const action = actionOf(driver, step);
  const probed = await action.probe?.(readContext(driver, step), paramsOf(driver, step, action));
  if (!probed) return { finding: "undecided", evidence: ["the action has no probe"], decision: "ask" };
  const { finding, evidence, result } = probed;
  if (finding === "done" && result !== undefined) return { finding, evidence, result, decision: "done" };
  return { finding, evidence, decision: finding === "undecided" ? "ask" : "go-on" };
}
