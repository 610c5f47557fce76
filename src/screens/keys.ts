import type { FailureAct } from "../core/question.ts";
import { isClosed, type RunState } from "../core/run-state.ts";
import type { Key } from "./input/decode.ts";
import { hasItsServer } from "./lists.ts";
import { type Model, type Place, placeOf, routeOf } from "./model.ts";

/** What a key asks for. `update.ts` says what each does. */
export type Act =
  | "up"
  | "down"
  | "page-up"
  | "page-down"
  | "last"
  | "follow"
  | "open"
  | "back"
  | "help"
  | "journal"
  | "doctor"
  | "timeline"
  | "details"
  | "values"
  | "note"
  | "write"
  | "next-field"
  | "previous-field"
  | "submit"
  | "clear"
  | "delete-word"
  | "dry-run"
  | "start"
  | "go"
  | "take"
  | "resume"
  | "give-up"
  | "pause"
  | "leave"
  | "interrupt"
  | FailureAct;

export interface Binding {
  /** As the pump names them: `g`, `enter`, `ctrl-c`. */
  readonly keys: readonly string[];
  /** As people read them. */
  readonly shows: string;
  readonly where: readonly Place[];
  readonly does: Act;
  readonly label: string;
  /** It starts, ends or changes a run, or lets an effect through: never on Enter, Space or a digit. */
  readonly acts: boolean;
  /** In the footer too; help always has it. */
  readonly footer: boolean;
  /** What it does at this very moment, where the label can't say it. */
  help?(model: Model): string;
  /** True, or the reason why not, in words. */
  enabled(model: Model): true | string;
}

const always = () => true as const;
const lists: readonly Place[] = ["start", "targets", "runbooks", "journal", "choice"];
const texts: readonly Place[] = [
  "plan",
  "resume",
  "ended",
  "timeline",
  "details",
  "values",
  "help",
  "go",
  "failure",
  "doctor",
];
const runs: readonly Place[] = ["live", "choice", "go", "failure", "ended"];
const everywhereButFields: readonly Place[] = [
  "start",
  "targets",
  "plan",
  "resume",
  "live",
  "choice",
  "go",
  "failure",
  "ended",
  "details",
  "values",
  "journal",
  "timeline",
  "doctor",
];
const fields: readonly Place[] = ["runbooks", "inputs", "note", "write", "type", "give-up"];

function binding(
  keys: readonly string[],
  shows: string,
  where: readonly Place[],
  does: Act,
  label: string,
  more: Partial<Pick<Binding, "acts" | "footer" | "enabled" | "help">> = {},
): Binding {
  return { keys, shows, where, does, label, acts: false, footer: true, enabled: always, ...more };
}

const hidden = { footer: false } as const;
const acts = { acts: true } as const;

/** The one table of keys: dispatch, footer and help come from it. Ctrl-X is kept free for the emergency stop. */
export const bindings: readonly Binding[] = [
  binding(["up"], "Up/Down", [...lists, "inputs"], "up", "move"),
  binding(["up"], "Up", [...texts, "live", "type", "give-up"], "up", "move up", hidden),
  binding(["down"], "Down", [...lists, ...texts, "inputs", "live", "type", "give-up"], "down", "move down", hidden),
  binding(["pgup"], "PgUp", [...lists, ...texts, "live", "type", "give-up"], "page-up", "a page up", hidden),
  binding(["pgdn"], "PgDn", [...lists, ...texts, "live", "type", "give-up"], "page-down", "a page down", hidden),
  binding(["end"], "End", lists, "last", "to the last", hidden),
  binding(["end"], "End", ["live", "timeline", "details"], "follow", "the newest", hidden),
  binding(["enter"], "Enter", ["start", "targets", "runbooks", "journal"], "open", "open", { enabled: canOpen }),
  binding(["enter"], "Enter", ["choice"], "open", "choose", { enabled: canChoose }),
  binding(["enter", "tab"], "Enter", ["inputs"], "next-field", "next field"),
  binding(["shift-tab"], "Shift-Tab", ["inputs"], "previous-field", "field before"),
  binding(["enter"], "Enter", ["note", "write", "give-up"], "submit", "hand in"),
  binding(["enter"], "Enter", ["type"], "submit", "hand in", { enabled: canAnswer }),
  binding(["enter"], "Enter", ["live"], "open", "back to the question", { footer: false, enabled: hasQuestionAside }),
  binding(["ctrl-u"], "^U", fields, "clear", "clear the field", hidden),
  binding(["ctrl-w"], "^W", fields, "delete-word", "delete the last word", hidden),
  binding(["g"], "g", ["plan"], "start", "start", acts),
  binding(["d"], "d", ["plan"], "dry-run", "dry run", acts),
  binding(["g"], "g", ["go"], "go", "go", { acts: true, enabled: canAnswer }),
  binding(["g"], "g", ["choice"], "take", "choose what can't be taken back", {
    ...hidden,
    acts: true,
    enabled: canTake,
  }),
  binding(["g"], "g", ["resume"], "resume", "go on with it", { acts: true, enabled: canResume }),
  binding(["g"], "g", ["ended"], "resume", "go on with it", { acts: true, enabled: canGoOn }),
  binding(["i"], "i", ["failure"], "find-out", "find out", { acts: true, enabled: option("find-out") }),
  binding(["r"], "r", ["failure"], "retry", "retry", { acts: true, enabled: option("retry") }),
  binding(["s"], "s", ["failure"], "skip", "skip", { acts: true, enabled: option("skip") }),
  binding(["u"], "u", ["failure"], "undo", "undo", { acts: true, enabled: option("undo") }),
  binding(["x"], "x", ["failure"], "give-up", "give up", { acts: true, enabled: option("abandon") }),
  binding(["x"], "x", ["resume"], "give-up", "give this run up", { acts: true, enabled: canResume }),
  binding(["x"], "x", ["ended"], "give-up", "give this run up", { acts: true, enabled: canGoOn }),
  binding(["x"], "x", ["live", "choice", "go"], "give-up", "give this run up", {
    ...hidden,
    acts: true,
    enabled: notYet,
  }),
  binding(["p"], "p", ["live", "choice", "go", "failure"], "pause", "pause", { acts: true, enabled: isDriving }),
  binding(["t"], "t", ["resume", "ended", "live", "journal"], "timeline", "timeline", { enabled: hasRunToShow }),
  binding(["v"], "v", runs, "details", "details"),
  binding(["ctrl-r"], "^R", [...runs, "type"], "values", "row values", { enabled: canReveal }),
  binding(["n"], "n", ["live", "failure"], "note", "note", { enabled: isDriving }),
  binding(["w"], "w", ["choice"], "write", "write it by hand", { enabled: canWrite, help: byHandWords }),
  binding(["j"], "j", ["start"], "journal", "journal"),
  binding(["d"], "d", ["start"], "doctor", "doctor", { enabled: hasTarget, help: doctorWords }),
  binding(["r"], "r", ["doctor"], "doctor", "look again", { enabled: hasTarget }),
  binding(["?"], "?", everywhereButFields, "help", "help"),
  binding(["ctrl-g"], "^G", fields, "help", "help"),
  binding(
    ["escape"],
    "Esc",
    [...everywhereButFields.filter((place) => place !== "start"), ...fields, "help"],
    "back",
    "back",
  ),
  binding(["q"], "q", everywhereButFields, "leave", "leave", { acts: true }),
  binding(["ctrl-c"], "^C", [...everywhereButFields, ...fields, "help"], "interrupt", "stop", { acts: true }),
];

/** What is bound to a key at the place where the operator is. A run of several characters is nobody's key. */
export function bindingFor(model: Model, key: Key): Binding | null {
  const name = keyName(key);
  const place = placeOf(model);
  return bindings.find((bound) => bound.keys.includes(name) && bound.where.includes(place)) ?? null;
}

export function bindingsAt(place: Place): readonly Binding[] {
  return bindings.filter((bound) => bound.where.includes(place));
}

export function keyName(key: Key): string {
  if (key.kind === "named") return key.name;
  return key.kind === "text" ? key.text : "";
}

function canOpen(model: Model): true | string {
  const route = routeOf(model);
  if (route.kind === "journal" && model.bench.runs.length === 0) return "there is no run yet";
  return true;
}

function hasTarget({ bench }: Model): true | string {
  return bench.targets.length > 0 ? true : "no target is configured";
}

function doctorWords(): string {
  return ": what could be brought back, were there an incident now. Nothing is written, and no table is read";
}

function canChoose(model: Model): true | string {
  const question = model.run?.question;
  if (question?.kind !== "choice") return "nothing is asked";
  const choice = question.choices[model.cursors.choice ?? -1];
  if (choice === undefined) return "nothing is highlighted yet: move with Up and Down first";
  if (choice.irreversible !== undefined) return `${choice.irreversible}. Only g chooses it`;
  if (choice.disabled === undefined || question.looksAnew) return true;
  return "not possible; the reason stands with it in the list";
}

function canTake({ run, cursors }: Model): true | string {
  const question = run?.question;
  const choice = question?.kind === "choice" ? question.choices[cursors.choice ?? -1] : undefined;
  return choice?.irreversible === undefined ? "nothing that can't be taken back is highlighted" : true;
}

function canWrite({ run }: Model): true | string {
  const question = run?.question;
  if (question?.kind !== "choice") return "nothing is asked";
  return question.byHand === undefined ? "only what is listed can be chosen here" : true;
}

function byHandWords({ run }: Model): string {
  const question = run?.question;
  const what = question?.kind === "choice" ? (question.byHand ?? "") : "";
  return what === "" ? "" : `, when it is none of the list: ${what}. It is looked up and checked; nothing is changed`;
}

function canAnswer(model: Model): true | string {
  const question = model.run?.question;
  if (question?.kind !== "confirm") return "nothing is asked";
  return true;
}

function hasQuestionAside(model: Model): true | string {
  return model.aside === null ? "no question waits" : true;
}

function isDriving(model: Model): true | string {
  return model.driving ? true : "no run is being driven here";
}

function canResume(model: Model): true | string {
  const route = routeOf(model);
  if (route.kind !== "resume") return "no run is chosen";
  if (isClosed(route.state)) return `the run is ${closedWord(route.state)}: it can't go on`;
  if (!hasItsServer(model, route.summary)) return `a ${route.summary.purpose} goes on by its own command`;
  return route.summary.driven ? "another process drives this run now: it has to end or pause first" : true;
}

/** A run that is driven has a step in the air, or a question: it pauses first. */
function notYet(): string {
  return "press p first: a run is given up once it has paused";
}

function canGoOn(model: Model): true | string {
  if (model.run === null) return "there is no run";
  return isClosed(model.run) ? `the run is ${closedWord(model.run)}: nothing is left to do in it` : true;
}

function closedWord({ status }: RunState): string {
  return status === "abandoned" ? "given up" : status;
}

/** Values are masked until somebody asks, and the asking is journaled. */
function canReveal({ run, driving, altScreen, revealable }: Model): true | string {
  if (run === null || !driving) return "the target is no longer connected; rows can be shown while the run asks";
  if (!altScreen) return "--no-alt-screen draws in the scroll-back, where values would stay";
  if (run.question === null)
    return "rows are read only while a question waits, when nothing else happens on the target";
  return revealable === null ? "no rescued rows have been checked yet" : true;
}

function hasRunToShow(model: Model): true | string {
  if (routeOf(model).kind === "journal") return canOpen(model);
  return true;
}

function option(act: FailureAct): (model: Model) => true | string {
  return (model) => {
    const question = model.run?.question;
    if (question?.kind !== "failure") return "no step has failed";
    const found = question.options.find((one) => one.act === act);
    if (found === undefined) return "not possible for this step";
    return found.disabled === undefined ? true : found.disabled;
  };
}
