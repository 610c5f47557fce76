import type { RunEvent } from "../core/event.ts";
import type { PlannedStep } from "../core/plan.ts";
import { stepOf } from "../core/run-state.ts";
import type { MarkerRow } from "../engines/marker.ts";
import { paramsOf } from "./binding.ts";
import { readContext } from "./context.ts";
import { actionOf, type Driver, isDryRun } from "./driver.ts";

type Settled = Omit<Extract<RunEvent, { kind: "step.settled" }>, "kind" | "step" | "attempt">;

/** Finds out, by the step's recovery contract, what became of an intent without an outcome. Reads only; journaled before anything acts on it. */
export async function settle(driver: Driver, step: PlannedStep): Promise<void> {
  const { attempt } = stepOf(driver.log.state, step.key);
  const settled = await settledBy(driver, step);
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
  if (rows.length === 0)
    return { finding: "absent", evidence: ["no marker of this step is on the target"], decision: "redo" };
  const finding = rows.every((row) => row.done) ? "done" : "partial";
  return { finding, evidence: rows.map(markerWords), decision: "go-on" };
}

function markerWords(row: MarkerRow): string {
  const sums = row.result === null ? "" : ` ${JSON.stringify(row.result)}`;
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
