import { utc } from "../../core/clock.ts";
import { shortRunId } from "../../core/ids.ts";
import { shortDigest } from "../../core/plan.ts";
import { atRest, currentStep, isClosed, openLeases, type RunState, type StepState } from "../../core/run-state.ts";
import { plural, stepMark } from "../../words/format.ts";
import { stepsDone } from "../../words/outcome-words.ts";
import { stoppedWords, writtenWords } from "../../words/written-words.ts";
import type { RunSummary } from "../../journal/journal.ts";
import { hasItsServer } from "../lists.ts";
import type { Model, Route } from "../model.ts";
import { blank, labelled, type Row, row, scrolled, whereIn } from "../rows.ts";
import type { Body } from "./body.ts";

/** What was before, what has to be known, and what going on will do first. Nothing happens on this screen. */
export function resumeBody(model: Model, route: Extract<Route, { kind: "resume" }>, height: number): Body {
  const { columns } = model.size;
  const { state, summary, events } = route;
  const closed = isClosed(state);
  const canGoOn = !closed && !summary.driven && hasItsServer(model, summary);
  const lines = [
    ...labelled("BEFORE", beforeWords(state, summary.driven), columns),
    ...labelled("", `${plural(events, "event")} in the journal`, columns),
    ...stateRows(state, columns),
    ...(canGoOn ? nextRows(columns) : []),
    ...(hasItsServer(model, summary) ? [] : elsewhereRows(model, summary)),
    ...leaseRows(state, columns),
    ...labelled(
      "NOTE",
      `The frozen plan ${shortDigest(state.plan.digest)} is used, whatever the runbook's file says now.`,
      columns,
    ),
    ...state.notes.slice(-2).flatMap((note) => labelled("", `${utc(note.at)} ${note.by}: ${note.text}`, columns)),
    blank,
    ...(canGoOn ? willDo(state, columns) : []),
  ];
  const part = scrolled(lines, model.cursors.resume ?? 0, height - 1);
  return { rows: [...part.shown, row(whereIn(part))], lastTop: Math.max(0, lines.length - height + 1) };
}

function beforeWords(state: RunState, driven: boolean): string {
  const began = `${shortRunId(state.run)} began ${utc(state.openedAt)} by ${state.openedBy.operator} on ${state.openedBy.host}`;
  if (isClosed(state)) return `${began}, ${state.status} ${utc(state.lastAt)}`;
  if (driven) return `${began}; another process drives it now`;
  if (state.status === "paused") return `${began}, paused ${utc(state.lastAt)}: ${state.reason}`;
  return `${began}, killed about ${utc(state.lastAt)}; that process is gone`;
}

function stateRows(state: RunState, width: number): readonly Row[] {
  const at = currentStep(state);
  const rows = labelled("", stepsDone(state), width);
  if (at === null) return rows;
  const number = state.steps.indexOf(at) + 1;
  const rest = atRest(at);
  return [
    ...rows,
    ...labelled("", `${stepMark(rest.status)} step ${number} ${at.step.title}: ${stepState(rest)}`, width),
  ];
}

function stepState(step: StepState): string {
  const written = writtenWords(step);
  const also = written === "" ? "" : `; ${written}`;
  switch (step.status) {
    case "unknown":
      return `it was begun, and no outcome is known${also}`;
    case "failed":
      return `failed, ${step.fault?.message ?? "no fault recorded"}${also}`;
    case "stopped":
      return stoppedWords(step);
    case "done":
      return "done, its choice is still to make";
    default:
      return step.attempt === 0 ? "not begun" : `begun before, it is done again${also}`;
  }
}

function inTheAir({ status }: StepState): boolean {
  return status === "running" || status === "unknown";
}

/** Since when each stands: what is held for long costs the server something. */
function leaseRows(state: RunState, width: number): readonly Row[] {
  const held = openLeases(state);
  if (held.length === 0) return labelled("HELD", "nothing", width);
  return [
    ...labelled("HELD", `${plural(held.length, "lease")}, until this run is done or given up:`, width),
    ...held.flatMap(({ lease, since }) => labelled("", `${sinceWords(since)}${lease.words}`, width)),
  ];
}

function sinceWords(since: number | undefined): string {
  return since === undefined ? "" : `since ${utc(since)}  `;
}

function nextRows(width: number): readonly Row[] {
  return labelled(
    "NEXT",
    "g goes on.  x gives the run up (gives back what it holds, after its id is typed; what is written stays).",
    width,
  );
}

function elsewhereRows({ pasteable, size }: Model, { purpose, runbook }: RunSummary): readonly Row[] {
  const command = pasteable(purpose === "demo" ? "holdfast demo" : `holdfast drill ${runbook}`);
  return [
    ...labelled("NEXT", `The server of a ${purpose} is started by its own command alone:`, size.columns),
    ...labelled("", command, size.columns),
  ];
}

function willDo(state: RunState, width: number): readonly Row[] {
  const at = currentStep(state);
  const settle =
    at !== null && inTheAir(at)
      ? [`settle    ask the target what became of step ${state.steps.indexOf(at) + 1}: absent, done or partial    read`]
      : [];
  const lines = [
    "identity  is this the same server?    read",
    "fence     wait until no session of the killed process is left    read",
    ...settle,
  ];
  return [
    ...lines.flatMap((line, index) => labelled(index === 0 ? "WILL DO" : "", `${index + 1} ${line}`, width)),
    ...labelled(
      "",
      "Then it goes on; every effect that was not confirmed is asked again. Nothing is written before that.",
      width,
    ),
  ];
}
