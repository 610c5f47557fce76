import { Fault, faultRecord, type FaultRecord } from "../core/errors.ts";
import { currentStep, openLeases, type StepState, stepOf } from "../core/run-state.ts";
import { afterFailure } from "./after-failure.ts";
import { chooseAnew, chooseFor } from "./ask.ts";
import { leaveTargets, reachTargets } from "./connecting.ts";
import { readContext } from "./context.ts";
import { Abandoned, type Driver, isDryRun, known, Paused, stopIfPausing } from "./driver.ts";
import { releaseAll } from "./leases.ts";
import { runStep } from "./run-step.ts";
import type { RunEnd } from "./session.ts";
import { settle, settleAtPause, settleForGood } from "./settle.ts";

/** Drives the run from where its events stand to its end, or to where it has to stop. Never throws. */
export async function drive(driver: Driver): Promise<RunEnd> {
  const end = await driven(driver).catch((error: unknown) => stopped(driver, error));
  await leaveTargets(driver);
  const bug = driver.bugs.at(-1);
  return { state: driver.log.state, ...end, ...(bug === undefined ? {} : { bug }) };
}

type End = Omit<RunEnd, "state">;

async function driven(driver: Driver): Promise<End> {
  await reachTargets(driver);
  driver.parts.reached("run.reached-target");
  for (let step = currentStep(driver.log.state); step !== null; step = currentStep(driver.log.state)) {
    stopIfPausing(driver);
    await onward(driver, step);
  }
  return await close(driver);
}

async function onward(driver: Driver, step: StepState): Promise<void> {
  if (step.status === "done")
    return (await chooseFor(driver, step)) === "look-anew" ? attempt(driver, step) : undefined;
  if (step.status !== "failed" && step.status !== "unknown") return attempt(driver, step);
  if (driver.failedHere.has(marked(step))) return askOnward(driver, step);
  return step.status === "unknown" ? findOut(driver, step) : attempt(driver, step);
}

/** After a failure somebody is asked first, in the process that saw it; a resume was itself the answer. */
const marked = ({ step, attempt: nth }: StepState) => `${step.key}#${nth}`;

/** What can't be decided is a question too, once the target has been asked. */
async function findOut(driver: Driver, step: StepState): Promise<void> {
  await settle(driver, step.step);
  if (stepOf(driver.log.state, step.step.key).status === "unknown") driver.failedHere.add(marked(step));
}

async function askOnward(driver: Driver, step: StepState): Promise<void> {
  await afterFailure(driver, step, step.fault ?? undecided);
  driver.failedHere.clear();
}

async function attempt(driver: Driver, step: StepState): Promise<void> {
  driver.triedHere.add(step.step.key);
  try {
    if (driver.log.state.resumes > 0 && step.attempt > 0 && !(await hasMarkers(driver, step)))
      chooseAnew(driver, step.step);
    await runStep(driver, step.step);
  } catch (error) {
    if (error instanceof Paused || error instanceof Abandoned || !driver.interactive || !isWorthAsking(error))
      throw error;
    return afterFailure(driver, stepOf(driver.log.state, step.step.key), known(driver, error));
  }
  // A template is no longer there once it has given way to its steps.
  const after = driver.log.state.steps.find((one) => one.step.key === step.step.key);
  if (after?.status === "failed" || after?.status === "unknown") driver.failedHere.add(marked(after));
}

async function hasMarkers(driver: Driver, { step }: StepState): Promise<boolean> {
  if (isDryRun(driver) || step.effect === "read") return false;
  return (await readContext(driver, step).markers()).length > 0;
}

/** What a person can do something about while the run waits; a lost journal ends the process's part at once. */
function isWorthAsking(error: unknown): boolean {
  const { exit } = faultRecord(error);
  return exit !== "journal" && exit !== "incomplete";
}

const undecided: FaultRecord = {
  code: "HF-SETTLE-UNDECIDED",
  message: "what became of this step can't be decided from the target",
  after: "unknown",
  exit: "unknown",
};

/** What the steps left behind is told first; a resume is the operator's word that it may be given back. */
async function close(driver: Driver): Promise<End> {
  if (driver.log.state.resumes > 0) await releaseAll(driver);
  const open = openLeases(driver.log.state);
  if (open.length > 0) {
    throw new Fault(
      "HF-LEASES-OPEN",
      `${open.length} of what the run made is still there: ${open.map((l) => l.lease.name).join(", ")}`,
      {
        still: "The run stays open, so that nothing of it is forgotten.",
        hint: "Resume to give them back.",
      },
    );
  }
  driver.parts.reached("run.closing");
  driver.log.append({
    kind: "run.closed",
    outcome: "done",
    reason: isDryRun(driver) ? "dry run: nothing was changed" : "",
  });
  driver.parts.reached("run.closed");
  return { exit: "ok" };
}

async function stopped(driver: Driver, error: unknown): Promise<End> {
  try {
    return error instanceof Abandoned ? await abandon(driver, error.reason) : await pausedBy(driver, error);
  } catch (second) {
    return leftOpen(driver, known(driver, second));
  }
}

async function pausedBy(driver: Driver, error: unknown): Promise<End> {
  if (error instanceof Paused) {
    await settleAtPause(driver);
    driver.log.append({ kind: "run.paused", reason: error.reason });
    return { exit: error.exit };
  }
  const fault = known(driver, error);
  if (isUntouched(driver) && fault.exit !== "needs-person") return turnedAway(driver, fault);
  if (isDryRun(driver)) return turnedAway(driver, fault); // it holds nothing: there is nothing to come back for
  return leftOpen(driver, fault);
}

/** Where the journal itself refuses, that is said, and what is there is left. */
function leftOpen(driver: Driver, fault: FaultRecord): End {
  try {
    driver.log.append({ kind: "run.paused", reason: `${fault.code}: ${fault.message}`, fault });
    return { exit: fault.exit, fault };
  } catch (refused) {
    const why = known(driver, refused);
    return { exit: why.exit, fault: why };
  }
}

/** Nothing was begun, so there is nothing to come back for: the run is closed with the reason, and does not stand open. */
function turnedAway(driver: Driver, met: FaultRecord): End {
  const fault = ofClosed(driver, met);
  driver.log.append({ kind: "run.closed", outcome: "abandoned", reason: `${fault.code}: ${fault.message}`, fault });
  return { exit: fault.exit, fault };
}

/** Whoever said it did not know that the run ends with it: there is nothing to resume, and nothing is held. */
function ofClosed(driver: Driver, fault: FaultRecord): FaultRecord {
  if (fault.exit === "incomplete") return fault;
  const again = isDryRun(driver) ? "start the dry run again" : "begin anew";
  const still = isDryRun(driver)
    ? "It was a dry run: nothing was changed, and nothing is held."
    : "Nothing was begun and nothing is held: the run is closed.";
  if (fault.hint === undefined) return { ...fault, still };
  return { ...fault, still, hint: fault.hint.replaceAll(/\b(then|and) resume\b/gi, `$1 ${again}`) };
}

function isUntouched(driver: Driver): boolean {
  const { leases, steps } = driver.log.state;
  return leases.length === 0 && steps.every((step) => step.attempt === 0);
}

/** What stays written is asked of the target first: afterwards the way back is gone, and nobody asks again. */
async function abandon(driver: Driver, reason: string): Promise<End> {
  await settleForGood(driver);
  await releaseAll(driver);
  driver.log.append({ kind: "run.closed", outcome: "abandoned", reason });
  return { exit: "abandoned" };
}
