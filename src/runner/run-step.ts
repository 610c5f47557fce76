import type { Action } from "../actions/action.ts";
import { Fault, type FaultRecord } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { PlannedStep } from "../core/plan.ts";
import { stepOf } from "../core/run-state.ts";
import type { Finding, Written } from "../core/step.ts";
import { isWanted, paramsOf } from "./binding.ts";
import { confirm, refreshConfirmed } from "./confirm.ts";
import { actionContext, readContext } from "./context.ts";
import { Abandoned, actionOf, type Driver, isDryRun, known, Paused, stopIfPausing } from "./driver.ts";
import { expand } from "./expand.ts";
import { denialOf, judge, type Judged } from "./guarding.ts";
import { writtenBy } from "./settle.ts";
import { watchingGuards } from "./watch-guards.ts";

/** One step from its guards to its outcome, or, where it is a template, the steps in its place. Faults of the step itself end in `step.ended`; those before its intent are thrown. */
export async function runStep(driver: Driver, step: PlannedStep): Promise<void> {
  stopIfPausing(driver);
  if (!isWanted(driver, step)) return skip(driver, step);
  if (step.each !== undefined) return expand(driver, step, step.each);
  const action = actionOf(driver, step);
  const params = paramsOf(driver, step, action);
  const opening = await lookFirst(driver, step, action, params);
  if (isDryRun(driver)) return rehearse(driver, step, action, params, opening);
  if (step.effect !== "read" && action.confirmed === undefined) {
    const preview = await action.preview(readContext(driver, step), params);
    driver.log.append(...opening.splice(0), { kind: "step.previewed", step: step.key, preview });
    await confirm(driver, step, action, preview);
    opening.push(...(await judgedAgain(driver, step)));
  }
  await perform(driver, step, action, params, opening);
}

/** Guards and checks. What they say is journaled with what follows from it: the refusal, the question or the intent. */
async function lookFirst(driver: Driver, step: PlannedStep, action: Action, params: JsonObject): Promise<RunEvent[]> {
  const verdicts = await judge(driver, step, "all");
  const denied = denialOf(verdicts);
  if (denied) {
    driver.log.append(...verdicts);
    throw denied;
  }
  const findings = await action.check(readContext(driver, step), params);
  const events: RunEvent[] = [...verdicts, { kind: "step.checked", step: step.key, findings }];
  const stop = stopOf(findings);
  if (!stop) return events;
  driver.log.append(...events);
  throw stop;
}

/** Time passed while the operator read: the guards judge once more, right before the intent. What they still say is not said twice. */
async function judgedAgain(driver: Driver, step: PlannedStep): Promise<readonly RunEvent[]> {
  const verdicts = await judge(driver, step, "all");
  const denied = denialOf(verdicts);
  if (!denied) return verdicts.filter((verdict) => !isSaid(driver, verdict));
  driver.log.append(...verdicts);
  throw denied;
}

function isSaid(driver: Driver, { step, guard, verdict }: Judged): boolean {
  return driver.log.state.guards.some((said) => said.step === step && said.guard === guard && said.verdict === verdict);
}

async function perform(
  driver: Driver,
  step: PlannedStep,
  action: Action,
  params: JsonObject,
  opening: readonly RunEvent[],
): Promise<void> {
  const attempt = stepOf(driver.log.state, step.key).attempt + 1;
  const { key, recovery } = step;
  driver.log.append(...opening, { kind: "step.intended", step: key, attempt, params, recovery });
  driver.parts.reached(`step.intended:${key}`);
  const began = driver.parts.clock.monotonic();
  const end = (how: Omit<Of<"step.ended">, "kind" | "step" | "attempt" | "took">, proof: readonly RunEvent[] = []) => {
    const took = Math.round(driver.parts.clock.monotonic() - began);
    driver.log.append(...proof, { kind: "step.ended", step: key, attempt, took, ...how });
  };
  const ran = await effect(driver, step, action, params);
  if (ran.kind === "fault") {
    driver.confirmed.clear(); // what follows a failure is asked anew
    const outcome = outcomeOf(ran.fault, step);
    return end({ outcome, fault: ran.fault, ...(await writtenUntil(driver, step, outcome)) });
  }
  driver.parts.reached(`step.effected:${key}`);
  const { events, fault } = await prove(driver, step, action, params, ran.result);
  end({ result: ran.result, ...(fault ? { outcome: "failed", fault } : { outcome: "done" }) }, events);
  driver.parts.reached(`step.ended:${key}`);
  refreshConfirmed(driver);
}

type Of<K extends RunEvent["kind"]> = Extract<RunEvent, { kind: K }>;
type Ran = { readonly kind: "result"; readonly result: Json } | { readonly kind: "fault"; readonly fault: FaultRecord };

/** A pause leaves the intent open, as a kill would; whatever else ends the action is its fault. */
async function effect(driver: Driver, step: PlannedStep, action: Action, params: JsonObject): Promise<Ran> {
  try {
    const result: unknown = await watchingGuards(driver, step, () => action.run(actionContext(driver, step), params));
    return { kind: "result", result: (result ?? null) as Json };
  } catch (error) {
    if (error instanceof Paused || error instanceof Abandoned) throw error;
    if (error === driver.pausing.signal.reason) stopIfPausing(driver);
    return { kind: "fault", fault: known(driver, error) };
  }
}

/** What a failed write left behind, where the target still answers. While an outcome is not known, any count would be a guess. */
async function writtenUntil(
  driver: Driver,
  step: PlannedStep,
  outcome: "failed" | "unknown",
): Promise<{ readonly written?: Written }> {
  if (outcome === "unknown") return {};
  const written = await writtenBy(driver, step).catch(() => undefined); // the fault itself says why it does not answer
  return written === undefined ? {} : { written };
}

interface Proof {
  readonly events: readonly RunEvent[];
  readonly fault?: FaultRecord;
}

/** What the step did is done, whatever comes of its proof: a proof that fails, or can't be made, says so with an exit of its own. */
async function prove(
  driver: Driver,
  step: PlannedStep,
  action: Action,
  params: JsonObject,
  result: Json,
): Promise<Proof> {
  try {
    const findings = await action.verify?.(readContext(driver, step), params, result);
    if (findings === undefined) return { events: [] };
    const events: RunEvent[] = [{ kind: "step.verified", step: step.key, findings }];
    const stop = findings.find((finding) => finding.level === "stop");
    return stop ? { events, fault: unproved(step, "HF-VERIFY-FAILED", stop.text, stop.hint) } : { events };
  } catch (error) {
    const { code, message, hint } = known(driver, error);
    return { events: [], fault: unproved(step, code, `its proof could not be made: ${message}`, hint) };
  }
}

function unproved({ effect }: PlannedStep, code: string, message: string, hint: string | undefined): FaultRecord {
  return {
    code,
    message,
    still:
      effect === "read"
        ? "This step only looked: nothing was written by it."
        : "What the step did is done; only its proof is missing.",
    hint: hint ?? "Retry: what is done is not done again, and the proof is made anew.",
    after: "none",
    exit: "not-proved",
  };
}

/** Whether an effect happened is unknown unless the fault says otherwise; a read has none. */
function outcomeOf(fault: FaultRecord, step: PlannedStep): "failed" | "unknown" {
  return fault.after === "unknown" && step.effect !== "read" ? "unknown" : "failed";
}

/** Checks are real, reads are real, every other effect is only previewed; later steps bind to what it expects. */
async function rehearse(
  driver: Driver,
  step: PlannedStep,
  action: Action,
  params: JsonObject,
  opening: readonly RunEvent[],
): Promise<void> {
  const preview = await action.preview(readContext(driver, step), params);
  driver.log.append(...opening, { kind: "step.previewed", step: step.key, preview });
  if (step.effect === "read" && preview.expects === undefined && preview.incomplete === undefined) {
    return perform(driver, step, action, params, []);
  }
  const result = preview.expects === undefined ? {} : { result: preview.expects };
  driver.log.append({ kind: "step.ended", step: step.key, attempt: 0, outcome: "done", took: 0, ...result });
  if (preview.incomplete === undefined) return;
  throw new Fault("HF-DRY-RUN-INCOMPLETE", `the dry run can look no further: ${preview.incomplete}`, {
    exit: "incomplete",
    still: "Nothing was changed. What was shown up to here is exact.",
    hint: "A live run makes what is missing, as a lease, and shows the exact numbers before anything is written.",
  });
}

function skip(driver: Driver, step: PlannedStep): void {
  const attempt = stepOf(driver.log.state, step.key).attempt;
  driver.log.append({ kind: "step.ended", step: step.key, attempt, outcome: "skipped", took: 0 });
}

function stopOf(findings: readonly Finding[]): Fault | null {
  const stop = findings.find((finding) => finding.level === "stop");
  if (!stop) return null;
  return new Fault("HF-CHECK-STOP", stop.text, {
    exit: "refused",
    still: "Nothing was begun in this step; what earlier steps hold is still held.",
    ...(stop.hint === undefined ? {} : { hint: stop.hint }),
  });
}
