import { utc } from "../../core/clock.ts";
import { currentStep, isSettled, openLeases, type RunState, type StepState } from "../../core/run-state.ts";
import { count, duration, eta, percent, plural, rate, sentence, stepMark, unitOf } from "../../words/format.ts";
import type { Model } from "../model.ts";
import { around, ends, labelled, type Row, row, span } from "../rows.ts";
import { environmentOf } from "./heading.ts";
import { stepTook, stepWords } from "./step-words.ts";

/** The run as it goes: checklist, what is done now and why, progress, guards, leases, the newest output. Cut in that order, last first. */
export function liveRows(model: Model, state: RunState, height: number): readonly Row[] {
  const width = model.size.columns;
  const step = shownStep(state);
  const fixed = [statusRow(model, state, step), ...waitingRow(state)];
  const now = step === null ? [] : nowRows(state, step, width, height >= roomy ? 2 : 1);
  const progress = step === null ? [] : progressRows(step, model.now, width);
  const room = height - fixed.length - now.length - progress.length;
  const steps = stepRows(state, model.now, width, roomForSteps(state, step, room - 1));
  let left = room - steps.length - 1;
  const why = step === null ? [] : labelled("WHY", step.step.why, width, { indent: 7, most: Math.min(3, left) });
  const shownWhy = left > 0 ? why : [];
  left -= shownWhy.length;
  const shownGuards = [...guardRows(state, width), ...leaseRows(state, width)].slice(0, Math.max(0, left));
  left -= shownGuards.length;
  const tail = tailRows(model, state, left);
  const line = row("-".repeat(width));
  return [
    ...fixed,
    ...steps,
    ...(room > steps.length ? [line] : []),
    ...now,
    ...shownWhy,
    ...progress,
    ...shownGuards,
    ...tail,
  ];
}

const restRows = 7;
const fewestSteps = 6;

/** What the step just said (a batch was rolled back, and goes again) is not to be missed: then the done steps fold, and all the rest has its rows. */
function roomForSteps({ output }: RunState, step: StepState | null, room: number): number {
  const speaks = step !== null && output.at(-1)?.step === step.step.key;
  return Math.max(1, speaks ? Math.min(room, Math.max(fewestSteps, room - restRows)) : room);
}

/** `step 7 of 12`, and where it writes, in words. */
export function statusRow(model: Model, state: RunState, step: StepState | null): Row {
  const number = step === null ? state.steps.length : state.steps.indexOf(step) + 1;
  const acting = step !== null && (step.step.effect === "write" || step.step.effect === "destroy");
  const verb = step?.step.effect === "destroy" ? "DESTROYS" : "WRITES";
  const active = step !== null && (step.status === "running" || step.status === "unknown");
  const words =
    acting && active && state.purpose !== "dry-run" ? `${verb} ON ${environmentOf(state).toUpperCase()}  ` : "";
  const left = row(`${utc(model.now).slice(11)}  ${statusWords(state)} ${duration(model.now - state.openedAt)}`);
  return ends(left, row(span(words, "strong"), `step ${number} of ${state.steps.length}`), model.size.columns);
}

/** The step that acts, asks or failed; between two steps, the next one. */
export function shownStep(state: RunState): StepState | null {
  const busy = ["running", "checking", "waiting", "unknown", "failed"];
  return state.steps.find((step) => busy.includes(step.status)) ?? currentStep(state);
}

function statusWords(state: RunState): string {
  if (state.status !== "open") return `${state.status}, open for`;
  if (state.question === null) return state.resumes > 0 ? "resumed; open for" : "running for";
  return "waits for you, open for";
}

function waitingRow(state: RunState): readonly Row[] {
  if (state.question === null) return [];
  return [row(span(`[#] A QUESTION WAITS: ${sentence(state.question.asks)} Enter goes back to it.`, "strong"))];
}

/** Every step on its row; when there are too many, the done ones fold into one, then the rest is a window around the current one. */
export function stepRows(state: RunState, now: number, width: number, room: number): readonly Row[] {
  const digits = Math.max(2, String(state.steps.length).length);
  const rows = state.steps.map((step, index) => stepRow(step, index + 1, digits, now, width));
  if (rows.length <= room) return rows;
  const done = state.steps.findIndex((step) => step.status !== "done" && step.status !== "skipped");
  const folded = done > 1 ? [foldedRow(state, done)] : [];
  const rest = done > 1 ? rows.slice(done) : rows;
  const at = Math.max(0, done > 1 ? 0 : done);
  if (folded.length + rest.length <= room) return [...folded, ...rest];
  const part = around(rest, at, Math.max(1, room - folded.length - 1));
  const hidden = part.above + part.below;
  return [...folded, ...part.shown, row(`     .. ${plural(hidden, "more step")}`)].slice(0, Math.max(1, room));
}

function stepRow(step: StepState, number: number, digits: number, now: number, width: number): Row {
  const tone = step.status === "failed" ? "bad" : step.status === "unknown" ? "caution" : "plain";
  const titleRoom = Math.max(20, Math.min(38, Math.floor(width * 0.42)));
  const title = step.step.title.length > titleRoom ? `${step.step.title.slice(0, titleRoom - 2)}..` : step.step.title;
  const current = step.status === "running" || step.status === "checking" || step.status === "waiting";
  return row(
    span(
      `${stepMark(step.status === "done" && !isSettled(step) ? "waiting" : step.status)} ${String(number).padStart(digits)} `,
      tone,
    ),
    span(title.padEnd(titleRoom), current ? "strong" : "plain"),
    span(`${stepTook(step, now).padStart(7)}   ${stepWords(step)}`, tone),
  );
}

function foldedRow(state: RunState, done: number): Row {
  const took = state.steps.slice(0, done).reduce((sum, step) => sum + step.took, 0);
  const skipped = state.steps.slice(0, done).filter((step) => step.status === "skipped").length;
  return row(`[x] 1-${done} done in ${duration(took)}${skipped > 0 ? `, ${skipped} of them skipped` : ""}`);
}

const roomy = 18;

function nowRows(state: RunState, step: StepState, width: number, most: number): readonly Row[] {
  return labelled("NOW", nowWords(state, step), width, { indent: 7, most });
}

/** Before and after a step's own work (connecting anew, after a failure), what was said last is what is under way. */
function nowWords({ output, question, lastAt }: RunState, { step, status, preview }: StepState): string {
  const said = output.at(-1);
  const isNow = said !== undefined && said.step === step.key && said.at === lastAt;
  if (isNow && status !== "running" && question === null) return said.text;
  return status === "checking" ? `checks before: ${step.title}` : (preview?.summary ?? step.title);
}

/** A bar only where the total is known; it never shows 100 % before the outcome is durable. */
export function progressRows(step: StepState, now: number, width: number): readonly Row[] {
  const { progress } = step;
  if (progress === undefined || step.status !== "running") return [];
  const { done, total, unit } = progress;
  const speed = rate(done - progress.from, progress.since, now, unit);
  const left = eta(progress, now);
  const speeds = [speed, left === null ? "" : `ETA about ${left}`, progress.note ?? ""].filter((part) => part !== "");
  const last = speeds.length > 0 ? [row(speeds.join("   "))] : [];
  if (total === undefined || total <= 0) return [row(`${count(done)} ${unitOf(done, unit)} so far`), ...last];
  const share = Math.min(done / total, 0.999);
  const numbers = `${done >= total ? "99.9 %" : percent(done, total)}   ${count(done)} of ${count(total)} ${unitOf(total, unit)}`;
  const length = Math.max(10, Math.min(60, width - numbers.length - 5));
  const full = Math.floor(share * length);
  return [row(`[${"#".repeat(full)}${".".repeat(length - full)}]  ${numbers}`), ...last];
}

export function guardRows(state: RunState, width: number): readonly Row[] {
  const newest = new Map(state.guards.map((guard) => [guard.guard, guard]));
  const guards = [...newest.values()];
  if (guards.length === 0) return [];
  const bad = guards.filter((guard) => guard.verdict === "deny" || guard.verdict === "needs");
  if (bad.length > 0) {
    return bad.flatMap((guard) =>
      labelled("GUARDS", `${guard.guard} ${guard.verdict === "deny" ? "REFUSES" : "NEEDS"}: ${guard.reason}`, width, {
        indent: 8,
        tone: "bad",
      }),
    );
  }
  const skipped = guards.filter((guard) => guard.verdict === "skipped").map((guard) => guard.guard);
  const fine = `${guards.length - skipped.length} of ${guards.length} allow`;
  return labelled("GUARDS", `${fine}${skipped.length > 0 ? `, skipped: ${skipped.join(", ")}` : ""}`, width, {
    indent: 8,
    most: 1,
  });
}

export function leaseRows(state: RunState, width: number): readonly Row[] {
  const open = openLeases(state);
  if (open.length === 0) return [];
  const words = open.map(({ lease }) => lease.words).join("; ");
  return labelled("LEASES", `${open.length} held: ${words}`, width, { indent: 8, most: 1 });
}

const tailMost = 12;

function tailRows(model: Model, state: RunState, room: number): readonly Row[] {
  if (room < 2 || state.output.length === 0) return [];
  const most = Math.min(tailMost, room - 1);
  const back = Math.min(model.cursors.live ?? 0, Math.max(0, state.output.length - most));
  const end = state.output.length - back;
  const lines = state.output.slice(Math.max(0, end - most), end);
  const follows = back > 0 ? row("End follows") : row("v all");
  return [
    ends(row(span("OUTPUT", "strong")), follows, model.size.columns),
    ...lines.map((line) => row(`${utc(line.at).slice(11, 19)} ${line.text}`)),
  ];
}
