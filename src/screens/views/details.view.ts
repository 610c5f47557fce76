import { utc } from "../../core/clock.ts";
import type { RunState } from "../../core/run-state.ts";
import { handCommands } from "../../words/commands.ts";
import { findingText } from "../../words/step-words.ts";
import type { Model } from "../model.ts";
import { blank, labelled, type Row, row, scrolled, span, whereIn } from "../rows.ts";
import type { Body } from "./body.ts";

/** Everything of the run that the checklist has no room for: output, guards, leases with how to give them back by hand, statements. */
export function detailsBody(model: Model, state: RunState, height: number): Body {
  const { columns } = model.size;
  const lines = [
    ...heading("LEASES"),
    ...(state.leases.length === 0 ? [row("none")] : state.leases.flatMap((held) => leaseDetail(held, columns))),
    ...heading("GUARDS"),
    ...(state.guards.length === 0
      ? [row("none judged yet")]
      : state.guards.flatMap((guard) =>
          labelled(
            `${guard.verdict}`,
            `${guard.guard}${guard.step === null ? "" : ` (${guard.step})`}: ${guard.reason}${guard.hint === undefined ? "" : `. ${guard.hint}`}`,
            columns,
          ),
        )),
    ...heading("SERVER"),
    ...Object.entries(state.identities).flatMap(([role, identity]) =>
      labelled(role, `${identity.database} @ ${identity.words}`, columns),
    ),
    ...warningRows(state, columns),
    ...statementRows(state, columns),
    ...noteRows(state, columns),
    ...heading("OUTPUT, oldest first"),
    ...(state.output.length === 0
      ? [row("none yet")]
      : state.output.flatMap((line) => labelled(utc(line.at).slice(11, 19), line.text, columns))),
  ].slice(1);
  const room = Math.max(1, height - 1);
  const part = scrolled(lines, model.cursors.details ?? 0, room);
  return { rows: [...part.shown, row(whereIn(part))], lastTop: Math.max(0, lines.length - room) };
}

function heading(text: string): readonly Row[] {
  return [blank, row(span(text, "strong"))];
}

function leaseDetail(held: RunState["leases"][number], width: number): readonly Row[] {
  const { lease, status } = held;
  // It is no longer as its words say, and protects and costs nothing any more.
  if (status === "released") return labelled("given back", `${lease.kind} ${lease.name}`, width, wide);
  return [
    ...labelled(status, lease.words, width),
    ...(lease.protects === undefined ? [] : labelled("", `protects: ${lease.protects}`, width)),
    ...(lease.costs === undefined ? [] : labelled("", `costs: ${lease.costs}`, width)),
    ...labelled("", "by hand, only if Holdfast can't:", width),
    ...handCommands(lease.byHand).flatMap((command) => labelled("", command, width, { indent: 0 })),
  ];
}

const wide = { indent: 12 };

function warningRows(state: RunState, width: number): readonly Row[] {
  const warned = state.steps.flatMap(({ step, findings }, index) =>
    findings
      .filter(({ level }) => level === "warn")
      .flatMap((finding) => labelled(`step ${index + 1}`, `${step.title}: ${findingText(finding)}`, width)),
  );
  return warned.length === 0 ? [] : [...heading("WARNINGS of the checks"), ...warned];
}

function statementRows(state: RunState, width: number): readonly Row[] {
  const step =
    state.steps.find((one) => one.step.key === state.question?.step) ??
    state.steps.find((one) => one.status === "running");
  const statements = step?.preview?.statements ?? [];
  if (statements.length === 0) return [];
  return [
    ...heading(`STATEMENTS of ${step?.step.title ?? "the step"}`),
    ...statements.flatMap((text) => labelled("", text, width, { indent: 2 })),
  ];
}

function noteRows(state: RunState, width: number): readonly Row[] {
  if (state.notes.length === 0) return [];
  return [
    ...heading("NOTES"),
    ...state.notes.flatMap((note) => labelled(utc(note.at).slice(11, 19), `${note.by}: ${note.text}`, width)),
  ];
}
