import { shortRunId } from "../../core/ids.ts";
import { isJsonObject, type Json } from "../../core/json.ts";
import { atRest, currentStep, isClosed, openLeases, type RunState, type StepState } from "../../core/run-state.ts";
import type { Finding } from "../../core/step.ts";
import { count, duration, plural } from "../../words/format.ts";
import { handLines } from "../../words/commands.ts";
import { doneWords, keptWords, proofOf, rescuedLine } from "../../words/outcome-words.ts";
import { goneLines, standingWords, staysLines } from "../../words/written-words.ts";
import type { Model } from "../model.ts";
import { blank, labelled, type Row, row, scrolled, span, whereIn, widthOf } from "../rows.ts";
import type { Body } from "./body.ts";
import { findingText, resultWords, spaced } from "../../words/step-words.ts";
import { stepRows } from "./live.view.ts";

/** How the run ended, or where it stopped: tables, proof, safeguards, leases, and what comes next. */
export function endedBody(model: Model, state: RunState, height: number): Body {
  const { columns } = model.size;
  const lines = [
    row(span(headline(state), "strong")),
    ...leftRows(state, columns),
    ...standingRows(state, columns),
    ...nextRows(model, state, columns),
    ...reasonRows(model, state, columns),
    ...(state.status === "done" ? [] : [blank, ...stepRows(resting(state), model.now, columns, 40)]),
    blank,
    ...tableRows(state, columns),
    ...(state.status === "abandoned" ? [] : wayRows(state, columns)),
    ...proofRows(state, columns),
    ...(state.purpose === "dry-run" ? dryRows(state, columns) : []),
    ...safeguardRows(state, columns),
    ...leaseLines(state).flatMap((text, index) => labelled(index === 0 ? "LEASES" : "", text, columns, { indent: 11 })),
    ...afterwardsRows(model, state),
  ];
  const part = scrolled(lines, model.cursors.ended ?? 0, height - 1);
  return { rows: [...part.shown, row(whereIn(part))], lastTop: Math.max(0, lines.length - height + 1) };
}

/** `DONE  7F3K restore-after-bad-delete  in 8:21`. */
export function headline(state: RunState): string {
  const took = duration(state.lastAt - state.openedAt);
  const name = `${shortRunId(state.run)} ${state.plan.runbook.id}`;
  if (state.status === "done" && state.purpose === "dry-run")
    return `DRY RUN DONE  ${name}  in ${took}; nothing was changed`;
  if (state.status === "done") return `${doneWords(state)}  ${name}  in ${took}`;
  if (state.status === "abandoned") return `GIVEN UP  ${name}  after ${took}`;
  return `STOPPED, NOT DONE  ${name}  after ${took}; it can go on`;
}

/** No process drives it: what was in the air has no outcome until resume asks the server. */
function resting(state: RunState): RunState {
  const steps = state.steps.map(atRest);
  return { ...state, steps: state.status === "abandoned" ? steps.map(withoutForecast) : steps };
}

/** What a look foretold of a run that was given up will never be; what was chosen was chosen. */
function withoutForecast(step: StepState): StepState {
  if (step.step.effect !== "read") return step;
  const { result: _result, preview: _preview, ...rest } = step;
  return { ...rest, verified: [] };
}

/** Of a run that was given up, first of all: what stays on the target, and what went with it. */
function leftRows(state: RunState, width: number): readonly Row[] {
  if (state.status !== "abandoned" || state.purpose === "dry-run") return [];
  const rows = (label: string, lines: readonly string[]) =>
    lines.flatMap((text, index) => labelled(index === 0 ? label : "", text, width, { indent: 11, tone: "strong" }));
  return [...rows("STAYS", staysLines(state)), ...rows("GONE", goneLines(state))];
}

/** How far the step is at which the run stands. */
function standingRows(state: RunState, width: number): readonly Row[] {
  const at = currentStep(state);
  const words = at === null || isClosed(state) ? "" : standingWords(at);
  return at === null || words === "" ? [] : labelled("STANDS", `${at.step.title}: ${words}`, width, { indent: 11 });
}

function reasonRows(model: Model, state: RunState, width: number): readonly Row[] {
  const fault = model.end?.fault;
  if (fault === undefined) return state.reason === "" ? [] : labelled("WHY", state.reason, width, { indent: 11 });
  return [
    ...labelled("WHY", `${fault.code}  ${fault.message}`, width, { indent: 11, tone: "bad" }),
    ...(fault.cause === undefined ? [] : labelled("CAUSE", fault.cause, width, { indent: 11 })),
    ...(fault.still === undefined ? [] : labelled("STILL TRUE", fault.still, width, { indent: 11 })),
    ...(fault.hint === undefined ? [] : labelled("HINT", fault.hint, width, { indent: 11 })),
  ];
}

/** The newest result that speaks of tables, with every number that it has of each. */
function tableRows(state: RunState, width: number): readonly Row[] {
  if (state.status === "abandoned" && state.purpose !== "dry-run") return [];
  const tables = state.steps.map((step) => tablesOf(step.result)).findLast((found) => found.length > 0) ?? [];
  if (tables.length === 0) return [];
  const all = [...new Set(tables.flatMap((table) => Object.keys(table.numbers)))];
  const told = all.filter((name) => tables.some(({ numbers }) => numbers[name] !== 0));
  const whole = gridRows(tables, all);
  if (whole.every((line) => widthOf(line) <= width)) return [...whole, blank];
  // Where not all columns have room, those go that are 0 in every table; they are named below.
  const zeros = all.filter((name) => !told.includes(name)).map(spaced);
  const none = zeros.length === 0 ? [] : labelled("", `0 in every table: ${zeros.join(", ")}`, width, { indent: 0 });
  return [...gridRows(tables, told), ...none, blank];
}

function gridRows(tables: readonly TableNumbers[], names: readonly string[]): readonly Row[] {
  const wide = Math.max(12, ...tables.map((table) => table.name.length)) + 2;
  const texts = tables.flatMap((table) => Object.values(table.numbers).map(count));
  const narrow = Math.max(...[...names.map(spaced), ...texts].map((text) => text.length)) + 2;
  const cell = (text: string) => text.padStart(narrow);
  return [
    row("".padEnd(wide), names.map((name) => cell(spaced(name))).join("")),
    ...tables.map((table) =>
      row(
        span(table.name.padEnd(wide), "strong"),
        names.map((name) => cell(table.numbers[name] === undefined ? "-" : count(table.numbers[name]))).join(""),
      ),
    ),
  ];
}

function wayRows(state: RunState, width: number): readonly Row[] {
  const line = rescuedLine(state);
  return line === "" ? [] : labelled("RESCUED", line, width, { indent: 11 });
}

interface TableNumbers {
  readonly name: string;
  readonly numbers: Readonly<Record<string, number>>;
}

function tablesOf(result: Json | undefined): readonly TableNumbers[] {
  if (!isJsonObject(result) || !Array.isArray(result.tables)) return [];
  return result.tables.filter(isJsonObject).flatMap((table) => {
    const numbers = Object.entries(table).filter((entry): entry is [string, number] => typeof entry[1] === "number");
    return typeof table.table === "string" && numbers.length > 0
      ? [{ name: table.table, numbers: Object.fromEntries(numbers) }]
      : [];
  });
}

/** What the step that compared the tables found; below it, what other steps found worth knowing. */
function proofRows(state: RunState, width: number): readonly Row[] {
  const proving = state.steps.findLast((step) => tablesOf(step.result).length > 0);
  const isProof = proving !== undefined && comesAfterAWrite(state, proving);
  const proof = proving === undefined ? [] : [...proving.verified, ...equalWords(proving)];
  const back = isAllBack(state);
  const others = state.steps
    .filter((step) => step !== proving)
    .flatMap(({ step, verified }) =>
      verified.filter(
        ({ level, until }) => level !== "ok" && !(back && isHoldNote(step, level)) && !(isProof && until === "written"),
      ),
    );
  const found = isProof ? findingRows("PROOF", proof, width) : foundRows(state, proof, width);
  return [...found, ...decidedRows(state, width), ...findingRows("NOTES", others, width)];
}

/** What was decided about rows in conflict: nothing else at the end says that others' rows were written over. */
function decidedRows(state: RunState, width: number): readonly Row[] {
  const decided = state.steps.filter(({ step, choice }) => step.item !== undefined && choice !== undefined);
  return decided.flatMap(({ step, choice }, index) =>
    labelled(index === 0 ? "DECIDED" : "", `${step.title}: ${choice?.label ?? ""}`, width, { indent: 11 }),
  );
}

/** What was only looked at proves nothing, and what it foretold of a run that was given up will never be. */
function foundRows(state: RunState, found: readonly Finding[], width: number): readonly Row[] {
  return state.status === "abandoned" ? [] : findingRows("FOUND", found, width);
}

function comesAfterAWrite({ steps, purpose }: RunState, proving: StepState): boolean {
  const before = steps.slice(0, steps.indexOf(proving));
  const wrote = before.some(({ step, status }) => step.effect === "write" && status === "done");
  return purpose !== "dry-run" && (wrote || equalWords(proving).length > 0);
}

function isAllBack(state: RunState): boolean {
  const proof = proofOf(state);
  return proof !== null && proof.rescued === proof.equal;
}

/** What a hold might have let slip is of no use to anybody once every row is proved to be back. */
function isHoldNote({ effect }: StepState["step"], level: Finding["level"]): boolean {
  return effect === "hold" && level === "note";
}

/** Where the result counts what is equal and what is not, that is the proof in one sentence. */
function equalWords(step: StepState): readonly Finding[] {
  const { rescued, equal, different, absent, remade } = isJsonObject(step.result) ? step.result : {};
  if (typeof rescued !== "number" || typeof equal !== "number") return [];
  if (rescued === equal)
    return [{ level: "ok", text: `all ${count(rescued)} rescued rows are in their tables, equal` }];
  const others =
    typeof different === "number" && typeof remade === "number"
      ? `made again since ${count(remade)}, back and changed since ${count(different - remade)}`
      : `different ${numberOr(different)}`;
  const words = `${count(equal)} of ${count(rescued)} rescued rows are equal; ${others}, absent ${numberOr(absent)}`;
  return [{ level: "warn", text: words }];
}

function numberOr(value: Json | undefined): string {
  return typeof value === "number" ? count(value) : "not counted";
}

function findingRows(label: string, findings: readonly Finding[], width: number): readonly Row[] {
  return findings.flatMap((finding, index) => {
    const { level } = finding;
    const words = level === "ok" ? finding.text : `${level.toUpperCase()}: ${findingText(finding)}`;
    const tone = level === "ok" || level === "note" ? "plain" : "caution";
    return labelled(index === 0 ? label : "", words, width, { indent: 11, tone });
  });
}

function dryRows(state: RunState, width: number): readonly Row[] {
  return state.steps.flatMap((step, index) => {
    const text = dryWords(step);
    return text === ""
      ? []
      : labelled(`${String(index + 1).padStart(2)} ${step.step.effect}`, `${step.step.title}: ${text}`, width, {
          indent: 11,
        });
  });
}

function dryWords(step: StepState): string {
  if (step.preview === undefined) return resultWords(step.result);
  const counts = Object.entries(step.preview.counts).map(([name, value]) => `${spaced(name)} ${count(value)}`);
  return [step.preview.summary, counts.join(", ")].filter((part) => part !== "").join("; ");
}

function safeguardRows(state: RunState, width: number): readonly Row[] {
  const newest = [...new Map(state.guards.map((guard) => [guard.guard, guard])).values()];
  if (newest.length === 0) return [];
  const met = newest.filter((guard) => guard.verdict === "allow").length;
  const others = newest
    .filter((guard) => guard.verdict !== "allow")
    .map((guard) => `${guard.guard} ${guard.verdict}: ${guard.reason}`);
  return labelled("SAFEGUARDS", [`${met} of ${newest.length} allow`, ...others].join("; "), width, { indent: 11 });
}

/** What the run still holds, keeps, and has given back. */
export function leaseLines(state: RunState): readonly string[] {
  return [...leaseGroups(state).flat(), ...restOfLeases(state)];
}

/** The lines of each lease that is held or kept; what is kept is given back by hand, so its command is shown. */
export function leaseGroups(state: RunState): readonly (readonly string[])[] {
  const kept = state.leases.filter((held) => held.status === "kept");
  return [
    ...openLeases(state).map((held) => [`held: ${held.lease.words}`]),
    ...kept.map(({ lease, keptUntil }) => [`${keptWords(keptUntil)}: ${lease.words}`, ...handLines(lease.byHand)]),
  ];
}

/** `7 leases given back, nothing else is held`: one line, or none. */
export function restOfLeases(state: RunState): readonly string[] {
  const released = state.leases.filter((held) => held.status === "released").length;
  const isKept = state.leases.some((held) => held.status === "kept");
  const words = [
    ...(released > 0 ? [`${plural(released, "lease")} given back`] : []),
    ...(openLeases(state).length === 0 && state.leases.length > 0
      ? [isKept ? "nothing else is held" : "nothing is held any more"]
      : []),
  ];
  return words.length === 0 ? [] : [words.join(", ")];
}

/** The way on stands where it is seen without scrolling. */
function nextRows(model: Model, state: RunState, width: number): readonly Row[] {
  if (isClosed(state)) return [];
  return [
    ...labelled("NEXT", "g goes on here; or later, as this account, in this folder:", width, { indent: 11 }),
    row(model.resumeCommand(state.run)),
    ...faultCommands(model),
  ];
}

function afterwardsRows(model: Model, state: RunState): readonly Row[] {
  const commands = isClosed(state) ? faultCommands(model) : [];
  return commands.length === 0 ? [] : [blank, ...commands];
}

function faultCommands(model: Model): readonly Row[] {
  return (model.end?.fault?.next ?? []).map(model.pasteable).map((command) => row(command));
}
