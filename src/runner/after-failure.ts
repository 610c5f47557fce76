import { utc } from "../core/clock.ts";
import type { FailureAct, FailureOption, FailureQuestion } from "../core/question.ts";
import type { StepState } from "../core/run-state.ts";
import { isCounted, openLeases } from "../core/run-state.ts";
import { Fault, type FaultRecord } from "../core/errors.ts";
import { answered, ask, questionId } from "./ask.ts";
import { isReached, reachAnew } from "./connecting.ts";
import { Abandoned, type Driver, known, Paused } from "./driver.ts";
import { settle } from "./settle.ts";

/**
 * A step failed, or nobody knows whether it did. A person says how to go on; without one the run stops here, open. A connection that was
 * lost is made anew before anything else is tried; while that fails, the question stands.
 */
export async function afterFailure(driver: Driver, step: StepState, fault: FaultRecord): Promise<void> {
  if (!driver.interactive) throw new Fault(fault.code, fault.message, headless(step, fault));
  for (let seen: FaultRecord | null = fault; seen !== null;) {
    const act = await wayOn(driver, step, seen);
    if (act === "leave" || act === "skip" || act === "undo")
      throw new Paused(`left after ${seen.code} in ${step.step.key}`);
    seen = await connectedAgain(driver, step, seen);
    if (seen !== null) continue;
    if (act === "abandon") throw new Abandoned(`given up after ${fault.code} in ${step.step.key}`);
    if (act === "find-out") await settle(driver, step.step);
  }
}

async function wayOn(driver: Driver, step: StepState, fault: FaultRecord): Promise<FailureAct> {
  const question = failureQuestion(driver, step, fault);
  const answer = await ask(driver, question);
  const act: FailureAct =
    answer !== "lapsed" && answer.kind === "act" && isOpen(question, answer.act) ? answer.act : "leave";
  answered(driver, question, { kind: "acted", act });
  return act;
}

/** Null when the targets are reached; else why not, where a later try may do better. Another server than the one before ends it. */
async function connectedAgain(driver: Driver, step: StepState, fault: FaultRecord): Promise<FaultRecord | null> {
  const tell = (text: string) => driver.log.pass({ kind: "output.printed", step: step.step.key, text });
  try {
    if (!isLost(fault) && (await isReached(driver))) return null;
    tell("connecting anew: is it the same server, and is its lock free?");
    await reachAnew(driver);
    tell("connected anew: the same server, the lock is ours, nothing of the lost connection is left there");
    return null;
  } catch (error) {
    const again = known(driver, error);
    if (again.exit === "unreachable" || again.exit === "busy") return again;
    throw error;
  }
}

function isLost({ exit, code }: FaultRecord): boolean {
  return exit === "unreachable" || exit === "unknown" || code === "HF-LOCK-LOST";
}

function headless(step: StepState, fault: FaultRecord): Partial<FaultRecord> {
  return { ...fault, exit: step.status === "unknown" ? "unknown" : fault.exit };
}

function isOpen(question: FailureQuestion, act: FailureAct): boolean {
  return question.options.some((option) => option.act === act && option.disabled === undefined);
}

function failureQuestion(driver: Driver, step: StepState, fault: FaultRecord): FailureQuestion {
  const { known, unknown } = knowledge(driver, step, fault);
  return {
    kind: "failure",
    ...(fault.exit === "refused" ? { refused: true } : {}),
    id: questionId(driver),
    step: step.step.key,
    asks: `${step.step.title}: ${fault.message}`,
    facts: [
      { label: "code", text: fault.code },
      ...(fault.cause === undefined ? [] : [{ label: "cause", text: fault.cause }]),
      ...hintOf(fault),
      ...triesOf(driver, step),
      ...(fault.retryAt === undefined ? [] : [{ label: "next try", text: `not before ${utc(fault.retryAt)}` }]),
    ],
    known,
    unknown,
    options: optionsFor(driver, step, fault),
  };
}

/** The fault's own hint sends to a resume; here the way on does the same without leaving. */
function hintOf(fault: FaultRecord): FailureQuestion["facts"] {
  if (isLost(fault)) return [{ label: "hint", text: lostHint }];
  return fault.hint === undefined ? [] : [{ label: "hint", text: fault.hint }];
}

/** A retry that was in vain looks like the first failure: it is said that there was one, and when, whichever process made it. */
function triesOf({ parts, log }: Driver, { step }: StepState): FailureQuestion["facts"] {
  const retried = parts.journal
    .read(log.state.run)
    .filter(
      ({ event }) =>
        event.kind === "question.answered" &&
        event.step === step.key &&
        event.answered.kind === "acted" &&
        event.answered.act === "retry",
    );
  const last = retried.at(-1);
  if (last === undefined) return [];
  return [{ label: "tried", text: `${retried.length + 1} tries, last at ${utc(last.at).slice(11)}` }];
}

const lostHint =
  "Look whether the server runs and can be reached. Connecting anew proves that it is the same server, takes its lock again and waits until nothing of the lost connection runs there; nothing is done before that.";

function knowledge(driver: Driver, step: StepState, fault: FaultRecord): { known: string[]; unknown: string[] } {
  const known = [
    ...(fault.still === undefined ? [] : [fault.still]),
    ...amountOf(step),
    ...(step.settled?.evidence ?? []),
    ...openLeases(driver.log.state).map(({ lease }) => `held: ${lease.words}`),
  ];
  const unknown = step.status === "unknown" ? ["whether the last thing it did took effect: not failed, not known"] : [];
  return { known, unknown };
}

/** What the target proves, where it was asked since; else the least that was reported. */
function amountOf(step: StepState): readonly string[] {
  const { progress, written } = step;
  const words = (n: number, total: number | undefined, unit: string) =>
    `${n.toLocaleString("en-US")}${total === undefined ? "" : ` of ${total.toLocaleString("en-US")}`} ${unit}`;
  if (written !== undefined && isCounted(step))
    return [`${words(written.rows, written.total, written.unit)} are written, and stay: the target was asked`];
  const least = Math.max(progress?.done ?? 0, written?.done ?? 0);
  const { total, unit } = progress ?? written ?? { unit: "" };
  return least === 0 ? [] : [`at least ${words(least, total, unit)} were gone through before it`];
}

/** What the fault says of itself, else what its hint says, where trying the same again would meet the same refusal. */
function wayOnOf({ wayOn, exit, hint = "" }: FaultRecord): FaultRecord["wayOn"] | "retry" {
  if (wayOn !== undefined) return wayOn;
  if (exit !== "refused") return "retry";
  if (/then give this one up|begin a new run/i.test(hint)) return "leave"; // the evidence stays held until the new run holds it
  return /give this run up|begin anew/i.test(hint) ? "abandon" : "mend";
}

const retryWords = {
  retry: "retry this step",
  mend: "retry this step, once what the hint says is done",
  leave: "retry this step: it would stop here again",
  abandon: "retry this step: it would stop here again",
} as const;

function optionsFor(driver: Driver, step: StepState, fault: FaultRecord): readonly FailureOption[] {
  const unknown = step.status === "unknown";
  const lost = isLost(fault);
  const best = unknown ? "find-out" : (wayOnOf(fault) ?? "retry");
  const anew = lost ? "connect anew, then " : "";
  const isLast = driver.log.state.steps.at(-1)?.step.key === step.step.key;
  return [
    option(
      "find-out",
      `${unknown ? anew : ""}find out: ask the target, reads only`,
      unknown ? undefined : "nothing is unknown here",
      unknown,
    ),
    option(
      "retry",
      `${unknown ? "" : anew}${best === "find-out" ? retryWords.retry : retryWords[best]}`,
      unknown ? "not yet: what is unknown has to be found out first" : undefined,
      best === "retry" || best === "mend",
    ),
    option(
      "skip",
      "skip this step",
      isLast ? "no: it gives back what the run holds" : "no: later steps need its result",
    ),
    option("undo", "undo", "no: nothing in this step can be undone from here"),
    option("leave", "leave: the run stays open, and so does what it holds", undefined, best === "leave"),
    option(
      "abandon",
      "give the run up: gives back what it holds; what was written stays",
      undefined,
      best === "abandon",
    ),
  ];
}

function option(act: FailureAct, label: string, disabled?: string, recommended = false): FailureOption {
  return { act, label, ...(disabled === undefined ? {} : { disabled }), ...(recommended ? { recommended } : {}) };
}
