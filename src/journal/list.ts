import { foldRun } from "../core/apply-event.ts";
import { Fault } from "../core/errors.ts";
import { shortRunId } from "../core/ids.ts";
import { currentStep, type RunState } from "../core/run-state.ts";
import type { RunSummary } from "./journal.ts";
import { readRunStatus } from "./read.ts";
import { isDriven } from "./run-lock.ts";
import type { RunRow } from "./run-row.ts";
import type { Store } from "./store.ts";

interface ListedRow extends RunRow {
  readonly last_at: number;
  readonly outcome: "done" | "abandoned" | null;
}

type Standing = Pick<RunSummary, "status" | "at">;

/** Newest first. Closed runs are told from their row and the ledger; only open ones are folded. */
export function listRuns(store: Store): readonly RunSummary[] {
  const rows = store.db
    .prepare<[], ListedRow>(
      `SELECT run.*,
         max(coalesce((SELECT at FROM event WHERE event.run = run.n ORDER BY seq DESC LIMIT 1), 0), opened_at) AS last_at,
         (SELECT detail FROM ledger WHERE ledger.run = run.run AND kind = 'closed') AS outcome
       FROM run ORDER BY run.n DESC`,
    )
    .all();
  return rows.map((row) => summary(store, row));
}

function summary(store: Store, row: ListedRow): RunSummary {
  const { n: _n, opened_at: openedAt, last_at: lastAt, outcome, ...shown } = row;
  const driven = outcome === null && isDriven(store.folder, row.run);
  const standing: Standing = outcome === null ? standingOf(store, row, driven) : { status: outcome, at: null };
  return { ...shown, short: shortRunId(row.run), openedAt, lastAt, driven, ...standing };
}

/** A run whose entries can't be read must not hide the others: it is listed as unknown, and taking it says what is broken. */
function standingOf(store: Store, row: RunRow, driven: boolean): Standing {
  try {
    return standing(foldRun(readRunStatus(store.db, row)), driven);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { status: "open", at: { step: "unreadable", number: 0, of: 0, unknown: true } };
  }
}

function standing(state: RunState, driven: boolean): Standing {
  const step = currentStep(state) ?? state.steps.at(-1);
  if (!step) return { status: state.status, at: null };
  const isLost = step.status === "running" && !driven;
  const at = {
    step: step.step.key,
    number: state.steps.indexOf(step) + 1,
    of: state.steps.length,
    unknown: isLost || step.status === "unknown",
  };
  return { status: state.status, at };
}
