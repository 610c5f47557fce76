import { shortRunId } from "../../core/ids.ts";
import { count, duration, expected, plural } from "../../words/format.ts";
import { spaced } from "../../words/step-words.ts";
import type { DrillReport, ReportedStep } from "./report.ts";
import { proofLines, provedWords } from "./words.ts";

/** The report as an operator reads it, the verdict last; no line is wider than 80 columns unless a name is long. */
export function reportLines(report: DrillReport): readonly string[] {
  const { run, runbook, incident } = report;
  return [
    "",
    `DRILL REPORT  ${shortRunId(run)} ${runbook}, incident ${incident.kind}`,
    `Somebody ran:  ${incident.statement}`,
    ...timeLines(report),
    trafficLine(report),
    "",
    ...stepTable(report.steps),
    ...proofLines(report.truth, incident.kind, false).slice(0, -1),
    `As the run counted: ${rowWords(report)}`,
    conflictLine(report),
    lostLine(report),
    "",
    verdictLine(report),
  ];
}

/** The same in one line, for the journal: it outlives the server that it was proved on. */
export function reportNote(report: DrillReport): string {
  const { runbook, incident, elapsedMs, workedMs } = report;
  return [
    `Drill of ${runbook}, incident ${incident.kind}: ${verdictWords(report)}.`,
    `As the run counted: ${rowWords(report)} ${conflictLine(report)}. ${lostLine(report)}.`,
    `It took ${duration(elapsedMs)}, the steps ${duration(workedMs)} of it. ${trafficLine(report)}`,
  ].join(" ");
}

function verdictWords({ verdict, incident, truth }: DrillReport): string {
  switch (verdict) {
    case "proved":
      return `PROVED, ${provedWords(truth, incident.kind)}`;
    case "not-proved":
      return "NOT PROVED, there are rows that are not what they ought to be";
    case "given-up":
      return "GIVEN UP, the rows were not all brought back";
  }
}

function verdictLine(report: DrillReport): string {
  return `DRILL ${verdictWords(report)}.`;
}

function rowWords({ rows, incident }: DrillReport): string {
  if (rows === null) return "it did not come to prove its rows.";
  const since = rows.changedSince > 0 ? `, ${count(rows.changedSince)} of them changed by others since` : "";
  const out = incident.kind === "update" ? "left as others made them since" : "not back";
  const missing = rows.notBack > 0 ? `, ${count(rows.notBack)} ${out}` : "";
  return `${count(rows.back)} of ${plural(rows.rescued, "rescued row")} back${since}${missing}.`;
}

function timeLines({ elapsedMs, workedMs, resumes }: DrillReport): readonly string[] {
  const rest = "the rest is reading and answering";
  return [
    `It took ${duration(elapsedMs)}; the steps took ${duration(workedMs)} of it, ${rest}.`,
    ...(resumes > 0 ? [`It was left, or killed, and gone on with ${plural(resumes, "time")}.`] : []),
  ];
}

function trafficLine({ traffic }: DrillReport): string {
  if (traffic === null) return "Customers were away: there was no traffic.";
  return `Customers went on all the while: ${plural(traffic.changes, "change")}, ${plural(traffic.reads, "read")}.`;
}

function stepTable(steps: readonly ReportedStep[]): readonly string[] {
  const widest = Math.max(...steps.map(({ step }) => step.length));
  const head = columns([" #", "STEP".padEnd(widest), "EXPECTED", "TOOK", "PLANNED", "DONE"]);
  return [head, ...steps.map((step, index) => stepLine(step, index + 1, widest))];
}

function stepLine(reported: ReportedStep, number: number, widest: number): string {
  const { step, status, attempts, expectedMs, tookMs, counts } = reported;
  const name = [String(number).padStart(2), step.padEnd(widest)];
  if (status === "skipped" && attempts === 0) return columns([...name, "not needed"]);
  const planned = counts.map(({ what, planned: n }) => `${spaced(what)} ${count(n)}`).join(", ");
  const done = counts.map(({ done: n }) => (n === null ? "not counted" : count(n))).join(", ");
  const ended = status === "done" ? done : [status.toUpperCase(), done].filter((part) => part !== "").join(", ");
  const again = attempts > 1 ? `${ended === "" ? "" : `${ended}, `}attempt ${attempts}` : ended;
  const time = expectedMs === null ? "-" : expected(expectedMs);
  return columns([...name, time, status === "todo" ? "-" : duration(tookMs), planned || "-", again || "-"]);
}

const widths = [2, 0, 14, 6, 22, 0];

function columns(cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(widths[index] ?? 0))
    .join("  ")
    .trimEnd();
}

function conflictLine({ conflicts }: DrillReport): string {
  const words = conflicts.map(
    ({ kind, rows, written }) =>
      `${count(rows)} ${conflictWords[kind] ?? spaced(kind)}${written ? ", written all the same" : (leftWords[kind] ?? "")}`,
  );
  return `Conflicts: ${words.join("; ") || "none"}`;
}

const conflictWords: Readonly<Record<string, string>> = {
  remade: "made again since",
  removedSince: "made again and removed since",
  otherUnique: "with another unique key taken",
  orphans: "without a parent",
  duplicates: "twice in the evidence",
  changedSince: "changed again since",
  keyChanged: "with another key now",
  gone: "not there any more",
};
const leftWords: Readonly<Record<string, string>> = {
  remade: ", left as they are",
  removedSince: ", left out",
  changedSince: ", left as they are",
  keyChanged: ", left as they are",
};

function lostLine({ lost, leftOut }: DrillReport): string {
  const words = [
    ...(lost > 0 ? [`${plural(lost, "row")} that the way back could not bring`] : []),
    ...(leftOut > 0 ? [`${plural(leftOut, "version")} left out, since their story can't be followed`] : []),
  ];
  return `Lost: ${words.join("; ") || "nothing"}`;
}
