import type { Environment, Purpose } from "../core/effect.ts";
import type { FaultRecord } from "../core/errors.ts";
import type { Stamped } from "../core/event.ts";
import type { ExitName } from "../core/exit-codes.ts";
import type { QuestionId, RunId, StepKey } from "../core/ids.ts";
import type { Plan } from "../core/plan.ts";
import type { ReadyTarget } from "../core/readiness.ts";
import type { Answer, ConfirmQuestion, Question } from "../core/question.ts";
import type { RunState } from "../core/run-state.ts";
import type { RevealedRow } from "../core/step.ts";
import type { RunSummary } from "../journal/journal.ts";
import type { RunEnd } from "../runner/session.ts";
import type {
  InputField,
  InputVerdict,
  PlanRequest,
  RunbookSummary,
  Suggestion,
  TargetSummary,
} from "../runner/workbench.ts";
import type { Key } from "./input/decode.ts";
import { emptyLine, type TypedLine } from "./input/line-edit.ts";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Where the operator is. The last of the list is shown; Esc takes it away. */
export type Route =
  | { readonly kind: "start" }
  | { readonly kind: "targets"; readonly environment: Environment }
  | { readonly kind: "runbooks"; readonly target: TargetSummary }
  | { readonly kind: "inputs"; readonly target: TargetSummary; readonly runbook: RunbookSummary }
  | { readonly kind: "plan"; readonly plan: Plan }
  | { readonly kind: "resume"; readonly summary: RunSummary; readonly state: RunState; readonly events: number }
  | { readonly kind: "run" }
  | { readonly kind: "details" }
  /** Values stand here and nowhere else: with the route they are gone. `rows` is null while they are read. */
  | { readonly kind: "values"; readonly step: StepKey; readonly rows: readonly RevealedRow[] | null }
  /** `look`: which one it is, so that an older one's answers are not taken for its own. `note`: what is looked at just now. */
  | {
      readonly kind: "doctor";
      readonly look: number;
      readonly targets: readonly string[];
      readonly answers: readonly ReadyTarget[];
      readonly note: string;
    }
  | { readonly kind: "journal" }
  | { readonly kind: "timeline"; readonly state: RunState; readonly events: readonly Stamped[] }
  | { readonly kind: "note" }
  | { readonly kind: "write"; readonly question: QuestionId; readonly asks: string; readonly byHand: string }
  | { readonly kind: "give-up"; readonly run: RunId; readonly state: RunState }
  | { readonly kind: "help"; readonly of: Place };

/** An answer was given, and the run is still at it: whether the counts hold is asked of the server once more. */
export function isAnswered({ run, answered }: Model): boolean {
  return answered !== null && run?.question?.id === answered;
}

/** A route, or what the run's own screen shows just now. Keys are bound to places. */
export type Place = Exclude<Route["kind"], "run"> | "live" | "choice" | "go" | "type" | "failure" | "ended";

/** The inputs form: what was written in each field and what the workbench thinks of it. */
export interface InputForm {
  readonly runbook: string;
  readonly target: string;
  readonly field: number;
  readonly values: Readonly<Record<string, string>>;
  readonly verdicts: Readonly<Record<string, InputVerdict | "looking">>;
  readonly suggestions: readonly Suggestion[];
  /** The highlighted suggestion; -1 = none. */
  readonly picked: number;
  /** Handed in while a field was still being looked at: the plan is asked for when the verdict comes. */
  readonly waiting: boolean;
}

export const emptyForm: InputForm = {
  runbook: "",
  target: "",
  field: 0,
  values: {},
  verdicts: {},
  suggestions: [],
  picked: -1,
  waiting: false,
};

export interface Bench {
  readonly runs: readonly RunSummary[];
  readonly targets: readonly TargetSummary[];
  readonly runbooks: readonly RunbookSummary[];
}

/** All that the screens know. The run's part comes from the session; nothing here decides what a run does. */
export interface Model {
  readonly size: Size;
  readonly now: number;
  readonly who: string;
  readonly journalFile: string;
  /** No inverse cursor can be drawn (NO_COLOR): the end of a field is shown by `_`, and its cursor stays there. */
  readonly plainCursor: boolean;
  /** What is drawn leaves no trace in the terminal's scroll-back. */
  readonly altScreen: boolean;
  readonly resumeCommand: (run: RunId) => string;
  /** A command as it has to be written in the shell that we were started from. */
  readonly pasteable: (command: string) => string;
  readonly routes: readonly Route[];
  readonly bench: Bench;
  readonly run: RunState | null;
  /** A session of this process drives the run. */
  readonly driving: boolean;
  readonly end: RunEnd | null;
  /** The newest step whose rows can be shown just now. */
  readonly revealable: StepKey | null;
  readonly cursors: Readonly<Partial<Record<Place, number>>>;
  /** Where a choice's list was scrolled to; null: it follows what is highlighted. */
  readonly choiceTop: number | null;
  readonly find: string;
  /** What is being written: a note, or a choice by hand. */
  readonly draft: string;
  /** What was handed in by hand for a choice, until it is known whether it was understood. */
  readonly wrote: string;
  readonly form: InputForm;
  /** The question on screen, since when (UTC ms), and how many lines of its preview were on the screen. */
  readonly asked: {
    readonly id: QuestionId;
    readonly step: string;
    readonly at: number;
    readonly seen: number;
  } | null;
  /** The preview that was read to its end, as `previewPrint` tells it: the very same words, asked once more, need no second reading. */
  readonly readThrough: string;
  /** The question that was answered here, while the run has not gone on from it yet. */
  readonly answered: QuestionId | null;
  /** The question that was answered last, until another one comes, or its step begins. */
  readonly replied: Question | null;
  readonly typed: TypedLine;
  /** The confirmation that lapsed before it was answered. */
  readonly lapsed: ConfirmQuestion | null;
  /** How often the confirmation of a step was typed wrong, in a row. */
  readonly missed: { readonly step: string; readonly times: number };
  /** Why no key does anything but Enter and Esc, which end that: a hand was typing, and what it typed into is gone. Empty: keys live. */
  readonly dead: string;
  /** The question was put aside to look at the checklist. */
  readonly aside: QuestionId | null;
  readonly lastKey: { readonly name: string; readonly at: number };
  /** Answer to the last key, in words: why nothing happened, or what will. */
  readonly message: string;
  readonly busy: string;
  readonly fault: FaultRecord | null;
  /** How often Ctrl-C was pressed while a run was driven. */
  readonly stops: number;
  readonly leaving: "no" | "asked" | "yes";
}

export type Message =
  | { readonly kind: "key"; readonly key: Key }
  | { readonly kind: "highlighted"; readonly index: number }
  | { readonly kind: "opened"; readonly index: number }
  | { readonly kind: "field"; readonly text: string }
  | { readonly kind: "resized"; readonly size: Size }
  | { readonly kind: "ticked" }
  | { readonly kind: "refreshed"; readonly bench: Bench }
  | { readonly kind: "judged"; readonly field: string; readonly text: string; readonly verdict: InputVerdict }
  | { readonly kind: "suggested"; readonly field: string; readonly text: string; readonly items: readonly Suggestion[] }
  | { readonly kind: "planned"; readonly plan: Plan }
  | { readonly kind: "doctor-looks"; readonly look: number; readonly note: string }
  | { readonly kind: "doctor-said"; readonly look: number; readonly answer: ReadyTarget }
  | { readonly kind: "went-wrong"; readonly fault: FaultRecord }
  | {
      readonly kind: "read";
      readonly run: RunId;
      readonly for: "timeline" | "resume";
      readonly events: readonly Stamped[];
      readonly state: RunState;
    }
  | { readonly kind: "session-opened"; readonly state: RunState; readonly revealable?: StepKey | null }
  | { readonly kind: "run-changed"; readonly state: RunState; readonly revealable?: StepKey | null }
  | { readonly kind: "revealed"; readonly step: StepKey; readonly rows: readonly RevealedRow[] }
  | { readonly kind: "run-ended"; readonly end: RunEnd }
  /** SIGTERM, SIGHUP, a lost terminal. */
  | { readonly kind: "told-to-stop"; readonly why: string };

/** What a message asks of the world outside; performed in order. */
export type Command =
  | { readonly do: "exit"; readonly exit: ExitName }
  | { readonly do: "drain" }
  | { readonly do: "refresh" }
  | { readonly do: "judge"; readonly target: string; readonly field: InputField; readonly text: string }
  | { readonly do: "plan"; readonly request: PlanRequest }
  | { readonly do: "read"; readonly run: RunId; readonly for: "timeline" | "resume" }
  | { readonly do: "doctor"; readonly look: number; readonly targets: readonly string[] }
  | { readonly do: "stop-doctor" }
  | { readonly do: "open"; readonly plan: Plan; readonly purpose: Purpose }
  | { readonly do: "resume"; readonly run: RunId }
  | { readonly do: "give-up"; readonly run: RunId }
  | { readonly do: "answer"; readonly question: QuestionId; readonly answer: Answer }
  | { readonly do: "pause"; readonly reason: string }
  | { readonly do: "cancel" }
  | { readonly do: "note"; readonly text: string }
  | { readonly do: "reveal"; readonly step: StepKey };

export interface Update {
  readonly model: Model;
  readonly commands: readonly Command[];
}

export function just(model: Model, ...commands: readonly Command[]): Update {
  return { model, commands };
}

export type ModelSeed = Pick<
  Model,
  "size" | "now" | "who" | "journalFile" | "plainCursor" | "altScreen" | "resumeCommand" | "pasteable" | "bench"
>;

export function firstModel(seed: ModelSeed): Model {
  return {
    ...seed,
    routes: [{ kind: "start" }],
    run: null,
    driving: false,
    end: null,
    revealable: null,
    cursors: {},
    choiceTop: null,
    find: "",
    draft: "",
    wrote: "",
    form: emptyForm,
    asked: null,
    readThrough: "",
    answered: null,
    typed: emptyLine,
    replied: null,
    lapsed: null,
    missed: { step: "", times: 0 },
    dead: "",
    aside: null,
    lastKey: { name: "", at: 0 },
    message: "",
    busy: "",
    fault: null,
    stops: 0,
    leaving: "no",
  };
}

export function routeOf(model: Model): Route {
  return model.routes.at(-1) ?? { kind: "start" };
}

export function placeOf(model: Model): Place {
  const route = routeOf(model);
  return route.kind === "run" ? sceneOf(model) : route.kind;
}

/** What the run's screen shows: its question, unless it was put aside; its end; or the live checklist. */
function sceneOf({ run, end, driving, aside }: Model): Place {
  if (end !== null || !driving) return "ended";
  const question = run?.question ?? null;
  if (question === null || question.id === aside) return "live";
  if (question.kind === "confirm") return question.way.kind;
  return question.kind;
}

export function pushed(model: Model, route: Route): Model {
  return { ...model, routes: [...model.routes, route], message: "", fault: null };
}

export function cursorOf(model: Model, place: Place = placeOf(model)): number {
  return model.cursors[place] ?? 0;
}

export function withCursor(model: Model, at: number, place: Place = placeOf(model)): Model {
  return { ...model, cursors: { ...model.cursors, [place]: at } };
}
