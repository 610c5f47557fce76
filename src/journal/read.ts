import type { RunEvent, Stamped } from "../core/event.ts";
import { type RunId, shortRunId } from "../core/ids.ts";
import { isJsonObject } from "../core/json.ts";
import type { EventRow } from "./chain.ts";
import type { Connection } from "./database.ts";
import { brokenFault, noRunFault } from "./errors.ts";
import { allRunRows, findRunRow, type RunRow } from "./run-row.ts";

/** All events of a run. An entry that can't be read is a Fault `HF-JOURNAL-BROKEN` that names it. */
export function readRun(db: Connection, run: RunId): readonly Stamped[] {
  return eventsOf(db, knownRun(db, run), "");
}

/** Without progress and output lines, which change nothing of a run's status. */
export function readRunStatus(db: Connection, row: RunRow): readonly Stamped[] {
  return eventsOf(db, row, "AND kind NOT IN ('step.progressed', 'output.printed')");
}

export function knownRun(db: Connection, run: RunId): RunRow {
  const row = findRunRow(db, run);
  if (row === null) throw noRunFault(run);
  return row;
}

export function findRuns(db: Connection, text: string): readonly RunId[] {
  const sought = text.trim().toLowerCase();
  const isMeant = (run: RunId) => run.startsWith(sought) || shortRunId(run).toLowerCase().startsWith(sought);
  return allRunRows(db)
    .map((row) => row.run)
    .filter(isMeant)
    .toReversed();
}

function eventsOf(db: Connection, { n, run }: RunRow, which: string): readonly Stamped[] {
  const rows = db
    .prepare<[number], EventRow>(`SELECT seq, at, kind, body, hash FROM event WHERE run = ? ${which} ORDER BY seq`)
    .all(n);
  return rows.map((row) => ({ seq: row.seq, at: row.at, event: eventOf(run, row) }));
}

function eventOf(run: RunId, { seq, kind, body }: EventRow): RunEvent {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw brokenFault(run, seq, "is not JSON");
  }
  if (!isJsonObject(parsed) || parsed["kind"] !== kind) throw brokenFault(run, seq, "is not an event of its kind");
  return parsed as unknown as RunEvent;
}
