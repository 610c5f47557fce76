import type { FailureAct } from "../core/question.ts";
import { outputKept } from "../core/run-state.ts";
import { confirmOf, goAnswer, submitGiveUp, submitTyped } from "./update-confirm.ts";
import { emptyLine } from "./input/line-edit.ts";
import { choiceView, lastTop, pageOf } from "./frame.ts";
import type { Act } from "./keys.ts";
import { listLength, runbookItems, startItems, targetItems } from "./lists.ts";
import {
  cursorOf,
  emptyForm,
  isAnswered,
  just,
  type Model,
  placeOf,
  pushed,
  type Route,
  routeOf,
  type Update,
  withCursor,
} from "./model.ts";
import { askDoctor, leaveDoctor } from "./update-doctor.ts";
import { fieldChanged, focusedField, focusField, moveInForm, nextField, previousField } from "./update-inputs.ts";
import { interrupt, leave, pause } from "./update-leave.ts";

/** What each key does, once it is enabled. */
export function act(model: Model, does: Act): Update {
  return doings[does](model);
}

const doings: Readonly<Record<Act, (model: Model) => Update>> = {
  up: (model) => moved(model, -1),
  down: (model) => moved(model, 1),
  "page-up": (model) => paged(model, -pageOf(model)),
  "page-down": (model) => paged(model, pageOf(model)),
  last: (model) => moved(model, listLength(model)),
  follow: (model) => just(withCursor(model, isTail(model) ? 0 : lastTop(model))),
  open: (model) => opened(model, cursorOf(model)),
  take: (model) => choose(model, cursorOf(model)),
  back,
  help: (model) => just(fresh(model, { kind: "help", of: placeOf(model) })),
  journal: (model) => just(fresh(model, { kind: "journal" }), { do: "refresh" }),
  doctor: askDoctor,
  details: (model) => just(fresh(model, { kind: "details" })),
  timeline,
  values,
  note: (model) => just({ ...pushed(model, { kind: "note" }), draft: "" }),
  write,
  "next-field": nextField,
  "previous-field": previousField,
  submit,
  clear: (model) => edited(model, () => ""),
  "delete-word": (model) => edited(model, (text) => text.replace(/\S*\s*$/, "")),
  start: (model) => open(model, "live"),
  "dry-run": (model) => open(model, "dry-run"),
  go: (model) => {
    const question = confirmOf(model);
    return question === null ? just(model) : goAnswer(model, question);
  },
  resume,
  "give-up": giveUp,
  pause: (model) => pause(model, "paused by the operator"),
  leave,
  interrupt,
  "find-out": (model) => failureAct(model, "find-out"),
  retry: (model) => failureAct(model, "retry"),
  skip: (model) => failureAct(model, "skip"),
  undo: (model) => failureAct(model, "undo"),
  abandon: (model) => failureAct(model, "abandon"),
};

/** A list's cursor stops at both ends; a text's scroll stops at its top. Nothing wraps. */
function moved(model: Model, by: number): Update {
  const place = placeOf(model);
  if (place === "inputs") return moveInForm(model, by);
  const length = listLength(model);
  const last = length > 0 ? length - 1 : place === "live" ? outputKept : lastTop(model);
  const step = isTail(model) ? -by : by;
  const at = Math.min(last, Math.max(0, cursorOf(model) + step));
  return just(withCursor({ ...model, choiceTop: null }, at));
}

/** In a choice a page is read, and what is highlighted stays: what it stands on is what an answer would take. */
function paged(model: Model, by: number): Update {
  if (placeOf(model) !== "choice") return moved(model, by);
  const choiceTop = Math.min(lastTop(model), Math.max(0, choiceView(model).top + by));
  return just({ ...model, choiceTop });
}

/** Its newest line is at its end, and its cursor counts from there. */
function isTail(model: Model): boolean {
  return placeOf(model) === "live" || placeOf(model) === "timeline";
}

export function highlighted(model: Model, index: number): Update {
  return just(withCursor({ ...model, message: "" }, index));
}

/** Enter on an item of a list. Nothing here has an effect; a choice is the answer to a question that has none either. */
export function opened(model: Model, index: number): Update {
  const route = routeOf(model);
  switch (route.kind) {
    case "start": {
      const item = startItems(model)[index];
      if (item === undefined) return just(model);
      if (item.kind === "run") return looking(model, item.run.run, "resume");
      if (item.targets === 0) return just({ ...model, message: `no target is configured for ${item.environment}` });
      return just(fresh(model, { kind: "targets", environment: item.environment }));
    }
    case "targets": {
      const target = targetItems(model)[index];
      return just(target === undefined ? model : { ...fresh(model, { kind: "runbooks", target }), find: "" });
    }
    case "runbooks":
      return openRunbook(model, route, index);
    case "journal": {
      const run = model.bench.runs[index];
      if (run === undefined) return just(model);
      return looking(model, run.run, run.at !== null ? "resume" : "timeline");
    }
    case "run":
      return placeOf(model) === "choice" ? choose(model, index) : just({ ...model, aside: null });
    default:
      return just(model);
  }
}

function fresh(model: Model, route: Route): Model {
  const next = pushed(model, route);
  return withCursor(next, 0);
}

function looking(model: Model, run: string, what: "timeline" | "resume"): Update {
  return just({ ...model, busy: "reading the journal", fault: null }, { do: "read", run, for: what });
}

function openRunbook(model: Model, route: Extract<Route, { kind: "runbooks" }>, index: number): Update {
  const runbook = runbookItems(model)[index];
  if (runbook === undefined) return just({ ...model, message: "no runbook has these words" });
  if (runbook.disabled !== undefined) return just({ ...model, message: `not possible: ${runbook.disabled}` });
  const last = model.form;
  const kept = last.runbook === runbook.id && last.target === route.target.name;
  const form = kept ? last : { ...emptyForm, runbook: runbook.id, target: route.target.name };
  const next = { ...pushed(model, { kind: "inputs", target: route.target, runbook }), form };
  return focusField(next, 0);
}

function choose(model: Model, index: number): Update {
  const question = model.run?.question;
  const choice = question?.kind === "choice" ? question.choices[index] : undefined;
  if (question === undefined || question === null || choice === undefined) return just(model);
  if (!choiceView(model).seesCursor)
    return just({ ...model, message: "What is highlighted is not on the screen: Up and Down bring it back." });
  const next = { ...model, answered: question.id, wrote: "" };
  return just(next, { do: "answer", question: question.id, answer: { kind: "choose", value: choice.value } });
}

const waits = "It waits for you. Enter: back to the question.";

/** One level back. A question is put aside, never answered. */
function back(model: Model): Update {
  const place = placeOf(model);
  const question = model.run?.question ?? null;
  if (isAnswered(model)) return just({ ...model, message: "It is answered already. ^C stops at the next safe point." });
  if (question !== null && ["choice", "go", "type", "failure"].includes(place)) {
    // What is typed next is meant for the checklist: no letter of it may wait in the field.
    return just({ ...model, aside: question.id, typed: emptyLine, message: `Nothing happened. ${waits}` });
  }
  if (model.routes.length <= 1) return just(model);
  if (routeOf(model).kind === "run") return backFromRun(model);
  if (routeOf(model).kind === "doctor") return leaveDoctor(model);
  return just({ ...model, routes: model.routes.slice(0, -1), fault: null });
}

function backFromRun(model: Model): Update {
  if (model.aside !== null) return just({ ...model, message: waits });
  if (model.driving) return just({ ...model, message: "The run goes on. q leaves it at the next safe point." });
  const below = model.routes.slice(0, -1);
  const routes = below.at(-1)?.kind === "plan" ? below : model.routes.slice(0, 1);
  return just({ ...model, routes, fault: null }, { do: "refresh" });
}

function timeline(model: Model): Update {
  const route = routeOf(model);
  if (route.kind === "resume") return looking(model, route.state.run, "timeline");
  if (route.kind === "journal") {
    const run = model.bench.runs[cursorOf(model)];
    return run === undefined ? just(model) : looking(model, run.run, "timeline");
  }
  return model.run === null ? just(model) : looking(model, model.run.run, "timeline");
}

function values(model: Model): Update {
  const step = model.revealable;
  if (step === null) return just(model);
  return just(fresh(model, { kind: "values", step, rows: null }), { do: "reveal", step });
}

function write(model: Model): Update {
  const question = model.run?.question;
  if (question?.kind !== "choice") return just(model);
  const { id, asks, byHand = "" } = question;
  return just({ ...pushed(model, { kind: "write", question: id, asks, byHand }), draft: "" });
}

/** What is typed to confirm is edited in its own line; all other fields tell what they hold as if a hand had changed it. */
function edited(model: Model, change: (text: string) => string): Update {
  const route = routeOf(model);
  if (route.kind === "run" || route.kind === "give-up")
    return just({ ...model, typed: { ...emptyLine, text: change(model.typed.text) } });
  if (route.kind === "runbooks") return fieldChanged(model, change(model.find));
  if (route.kind === "inputs")
    return fieldChanged(model, change(model.form.values[focusedField(model)?.name ?? ""] ?? ""));
  return fieldChanged(model, change(model.draft));
}

function submit(model: Model): Update {
  const route = routeOf(model);
  if (route.kind === "give-up") return submitGiveUp(model);
  const question = confirmOf(model);
  if (question !== null) return submitTyped(model, question);
  const text = model.draft.trim();
  const next = { ...model, routes: model.routes.slice(0, -1), draft: "" };
  if (text === "" && route.kind === "write")
    return just({ ...model, message: "Nothing is written, so nothing was chosen. Esc goes back to the list." });
  if (text === "") return just({ ...next, message: "Nothing was written: no note." });
  if (route.kind === "note") return just({ ...next, message: "noted" }, { do: "note", text });
  if (route.kind !== "write") return just(model);
  const answer = { kind: "choose", value: text } as const;
  return just({ ...next, answered: route.question, wrote: text }, { do: "answer", question: route.question, answer });
}

function open(model: Model, purpose: "live" | "dry-run"): Update {
  const route = routeOf(model);
  if (route.kind !== "plan" || model.busy !== "") return just(model);
  return just({ ...model, busy: "opening the run" }, { do: "open", plan: route.plan, purpose });
}

function resume(model: Model): Update {
  const route = routeOf(model);
  const run = route.kind === "resume" ? route.state.run : model.run?.run;
  if (run === undefined || model.busy !== "") return just(model);
  return just({ ...model, busy: "taking the run up" }, { do: "resume", run });
}

function giveUp(model: Model): Update {
  const route = routeOf(model);
  const state = route.kind === "resume" ? route.state : model.run;
  if (state === null) return just(model);
  return just({ ...pushed(model, { kind: "give-up", run: state.run, state }), typed: emptyLine });
}

function failureAct(model: Model, does: FailureAct): Update {
  const question = model.run?.question;
  if (question?.kind !== "failure") return just(model);
  const next = { ...model, answered: question.id };
  return just(next, { do: "answer", question: question.id, answer: { kind: "act", act: does } });
}
