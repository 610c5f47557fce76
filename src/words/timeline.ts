import { applyEvent, openRun } from "../core/apply-event.ts";
import type { Stamped } from "../core/event.ts";
import { shortRunId } from "../core/ids.ts";
import type { RunState } from "../core/run-state.ts";
import { utc } from "../core/clock.ts";
import type { Environment, Purpose } from "../core/effect.ts";
import { rowWords } from "./event-line.ts";
import { cleanForTerminal, duration } from "./format.ts";
import { placeWords } from "./target-words.ts";

/** A run's events as an operator reads them: time since it was opened, number, words. Every event has its line. */
export function timelineLines(events: readonly Stamped[]): readonly string[] {
  return timelineRows(events).map(({ since, seq, words }) =>
    cleanForTerminal(`${since.padStart(8)}  ${String(seq).padStart(4)}  ${words}`),
  );
}

interface TimelineRow {
  /** `+5:42` since the run was opened. */
  readonly since: string;
  readonly seq: number;
  readonly words: string;
}

/** Each event in the words of its own moment: what progress was then, not what it came to. */
export function timelineRows(events: readonly Stamped[]): readonly TimelineRow[] {
  let state: RunState | null = null;
  return events.map((stamped) => {
    state = state === null ? openRun(stamped) : applyEvent(state, stamped);
    const since = `+${duration(stamped.at - state.openedAt)}`;
    return { since, seq: stamped.seq, words: rowWords(stamped.event, state) };
  });
}

/** What a list of runs says of each; the journal's summary fits. */
export interface ListedRun {
  readonly run: string;
  readonly runbook: string;
  readonly target: string;
  readonly database: string;
  readonly environment: Environment;
  readonly purpose: Purpose;
  readonly operator: string;
  readonly openedAt: number;
  readonly status: "open" | "paused" | "done" | "abandoned";
  readonly driven: boolean;
  readonly at: {
    readonly step: string;
    readonly number: number;
    readonly of: number;
    readonly unknown: boolean;
  } | null;
}

/** One run of a list, and its whole id on a row of its own, where it can be copied. */
export function listedRunLines(run: ListedRun): readonly string[] {
  const purpose = run.purpose === "live" || run.purpose === "dry-run" ? "" : ` (${run.purpose})`;
  const where = placeWords({ environment: run.environment, name: run.target, database: run.database });
  return [
    `${shortRunId(run.run)}  ${utc(run.openedAt)}  ${run.runbook}${purpose}  ${where}  ${standing(run)}  ${run.operator}`,
    `      ${run.run}`,
  ].map((line) => cleanForTerminal(line));
}

/** How a run ended; null while it is open. A dry run that could not look at everything was not given up: it held nothing. */
export function endWords({ status, purpose }: Pick<ListedRun, "status" | "purpose">): string | null {
  if (status !== "done" && status !== "abandoned") return null;
  if (purpose === "dry-run") return status === "done" ? "dry run done" : "dry run ended early";
  return status === "done" ? "done" : "given up";
}

function standing(run: ListedRun): string {
  return endWords(run) ?? `${run.purpose === "dry-run" ? "dry run, " : ""}${openWords(run)}`;
}

function openWords({ status, driven, at }: ListedRun): string {
  const step = at === null ? "" : ` at step ${at.number} of ${at.of}, ${at.step}${at.unknown ? ": UNKNOWN" : ""}`;
  if (driven) return `running${step}`;
  return status === "paused" ? `paused${step}` : `its process is gone${step}`;
}
