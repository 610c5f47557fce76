import type { StepKey } from "../core/ids.ts";
import type { RunState } from "../core/run-state.ts";
import type { ChoiceQuestion, ConfirmQuestion, Question } from "../core/question.ts";
import type { RevealedRow } from "../core/step.ts";
import type { RunEnd } from "../runner/session.ts";
import { emptyLine } from "./input/line-edit.ts";
import { isAnswered, just, type Model, routeOf, type Update, withCursor } from "./model.ts";

/** The run's screen comes up; what led to it is no longer a way back, but for the plan of a dry run. */
export function sessionOpened(model: Model, state: RunState, revealable: StepKey | null = null): Update {
  const first = state.purpose === "dry-run" ? model.routes : model.routes.slice(0, 1);
  const fresh: Model = {
    ...model,
    routes: [...first, { kind: "run" }],
    driving: true,
    end: null,
    busy: "",
    fault: null,
    stops: 0,
    leaving: "no",
    lapsed: null,
    missed: { step: "", times: 0 },
    dead: "",
    readThrough: "",
    asked: null,
    answered: null,
    replied: null,
    aside: null,
    cursors: { ...model.cursors, live: 0, ended: 0 },
  };
  return runChanged(fresh, state, revealable);
}

/** A new question empties the field and the pump, and highlights nothing. */
export function runChanged(before: Model, state: RunState, revealable: StepKey | null = null): Update {
  const replied = repliedOf(before, state);
  const model = {
    ...before,
    run: state,
    revealable,
    replied,
    lapsed: lapsedOf(before, state),
    dead: deadAfter(before, state),
  };
  const question = state.question;
  if (question === null) return just({ ...model, asked: null, answered: null, aside: null, typed: emptyLine });
  if (question.id === before.asked?.id) return just(model);
  const missed = before.missed.step === question.step ? before.missed : { step: question.step, times: 0 };
  const asked = { id: question.id, step: question.step, at: model.now, seen: 0 };
  const message = isStillTrue(model, question) ? model.message : "";
  const fresh = withCursor(
    withCursor({ ...model, asked, answered: null, choiceTop: null, typed: emptyLine, missed, message }, -1, "choice"),
    0,
    question.kind === "confirm" ? question.way.kind : "failure",
  );
  return just(askedAgain(toTheRun(fresh), question), { do: "drain" });
}

/** What was said to an earlier key ("no question waits") is not true beside a question; of a miss, of leaving and of dead keys it is. */
function isStillTrue({ leaving, stops, dead, missed }: Model, question: Question): boolean {
  return leaving !== "no" || stops > 0 || dead !== "" || (missed.times > 0 && missed.step === question.step);
}

function repliedOf(before: Model, state: RunState): Question | null {
  const replied = isAnswered(before) ? (before.run?.question ?? null) : before.replied;
  const step = state.steps.find((one) => one.step.key === replied?.step);
  return step?.status === "running" ? null : replied;
}

const typedIntoNothing = "What you were typing into is gone. No key does anything until you press Enter or Esc.";

/** A hand that types looks at the keyboard: its next letters must not fall on keys that act. Where a name is asked again they go into its field. */
function deadAfter({ run, dead, typed }: Model, { question }: RunState): string {
  if (isTyped(question)) return question?.id === run?.question?.id ? dead : "";
  return dead === "" && isTyped(run?.question ?? null) && typed.text !== "" ? typedIntoNothing : dead;
}

function isTyped(question: Question | null): boolean {
  return question?.kind === "confirm" && question.way.kind === "type";
}

/** The confirmation that was on screen when its time ran out; kept while the server is looked at again. */
function lapsedOf({ run, now, lapsed }: Model, { question }: RunState): ConfirmQuestion | null {
  const was = run?.question ?? null;
  if (was?.kind !== "confirm" || was.id === question?.id) return lapsed;
  return now >= was.lapsesAt ? was : null;
}

function askedAgain(before: Model, question: Question): Model {
  const { replied, lapsed: was } = before;
  const model = { ...before, replied: null, lapsed: null };
  if (replied?.step === question.step && replied.kind === question.kind && question.kind !== "failure")
    return question.kind === "choice" && before.wrote !== ""
      ? writtenAgain(model, question)
      : { ...model, message: notTaken[question.kind] };
  if (was === null || question.kind !== "confirm" || was.step !== question.step) return model;
  const what = isSame(was, question) ? "unchanged" : "CHANGED, read it anew";
  const message = `Asked again: two minutes went by. The server was looked at again: ${what}.`;
  return { ...model, message };
}

/** What was written stays in its field: a letter is mended sooner than two instants are written anew. */
function writtenAgain(model: Model, { id, asks, byHand = "" }: ChoiceQuestion): Model {
  const { routes, wrote } = model;
  return {
    ...model,
    routes: [...routes, { kind: "write", question: id, asks, byHand }],
    draft: wrote,
    wrote: "",
    message: notUnderstood,
  };
}

const notUnderstood =
  "Nothing was chosen: this was not understood, or names what was not found. Mend it, or Esc goes back to the list.";

/** Why the same is asked once more right after it was answered. */
const notTaken = {
  confirm: "Asked again: the counts are no longer those that you confirmed. Nothing was begun. Read it anew.",
  choice: "Asked again: what you wrote was not understood, or is not possible. Nothing was changed.",
} as const;

/** By what would be done; other words of a preview (an age, a lag) change by the second. */
function isSame(was: ConfirmQuestion, now: ConfirmQuestion): boolean {
  const told = ({ previews }: ConfirmQuestion) =>
    JSON.stringify(previews.map(({ step, preview: { summary, counts } }) => [step, summary, counts]));
  return told(was) === told(now);
}

/** A question is never hidden behind a screen that was opened before it came. */
function toTheRun(model: Model): Model {
  const kind = routeOf(model).kind;
  if (kind === "note") return model;
  const at = model.routes.findIndex((route) => route.kind === "run");
  return at < 0 ? model : { ...model, routes: model.routes.slice(0, at + 1) };
}

/** Rows arrive at the screen that waits for them; where it was left meanwhile, they go nowhere. */
export function revealed(model: Model, step: StepKey, rows: readonly RevealedRow[]): Model {
  if (rows.length === 0) return { ...withoutWaiting(model), message: "There are no rows to show." };
  const routes = model.routes.map((route) =>
    route.kind === "values" && route.step === step && route.rows === null ? { ...route, rows } : route,
  );
  return { ...model, routes };
}

/** Without the screen that waits for rows which will not come. */
export function withoutWaiting(model: Model): Model {
  const routes = model.routes.filter((route) => route.kind !== "values" || route.rows !== null);
  return { ...model, routes };
}

/** When somebody asked to leave, the end of the run is the end of the program; else its end stays on screen. */
export function ended(before: Model, end: RunEnd): Update {
  const model: Model = {
    ...before,
    run: end.state,
    end,
    driving: false,
    revealable: null,
    asked: null,
    answered: null,
    aside: null,
    dead: deadAfter(before, { ...end.state, question: null }),
    fault: end.fault ?? null,
    // "Pausing .." is over; why a hand that types was stopped is still to be read.
    message: before.dead === "" ? "" : before.message,
  };
  const shown = withCursor(toTheRun(model), 0, "ended");
  return model.leaving === "yes" ? just(shown, { do: "exit", exit: end.exit }) : just(shown, { do: "refresh" });
}
