import type { RunId } from "../core/ids.ts";
import { shortDigest } from "../core/plan.ts";
import type { Tip } from "./append.ts";
import { ledgerHash, type LedgerRow } from "./chain.ts";
import { snapshot } from "./database.ts";
import { guarded, isDamage, noRunFault } from "./errors.ts";
import type { VerifyReport } from "./journal.ts";
import { journalId, wholeLedger } from "./ledger.ts";
import { proveRun, type Bad } from "./prove-run.ts";
import { allRunRows, type RunRow } from "./run-row.ts";
import type { Store } from "./store.ts";

/**
 * The ledger's chain, then each run's chain against what the ledger saw of it, then the file's own structure. What it can't see is a tail
 * that was cut from a run *and* from the ledger, or another file in its place: for that it is told a `head` that was written down elsewhere.
 */
export function verifyJournal(store: Store, run?: RunId, noted?: string): VerifyReport {
  return guarded(store.file, "the journal can't be verified", () => {
    try {
      return snapshot(store.db, () => verify(store, run, noted));
    } catch (error) {
      if (!isDamage(error)) throw error;
      const what = `the file is damaged: ${(error as Error).message}`;
      return { intact: false, runs: 0, events: 0, firstBad: { run: "ledger", seq: 0, what }, head: "" };
    }
  });
}

function verify(store: Store, run: RunId | undefined, noted: string | undefined): VerifyReport {
  const ledger = wholeLedger(store.db);
  const rows = allRunRows(store.db);
  const isMeant = (row: { run: RunId }) => run === undefined || row.run === run;
  if (run !== undefined && !rows.some(isMeant) && !ledger.some(isMeant)) throw noRunFault(run);
  const chosen = rows.filter(isMeant);
  const { bad, events } = firstBadRun(store, chosen, byRun(ledger));
  const firstBad = badLedger(store, ledger) ?? goneRun(rows, ledger.filter(isMeant)) ?? bad ?? badFile(store);
  const head = shortDigest(ledger.at(-1)?.hash ?? journalId(store.db));
  const report = { intact: firstBad === null, runs: chosen.length, events, firstBad, head };
  if (noted === undefined) return report;
  const line = lineOf(noted, [journalId(store.db), ...ledger.map(({ hash }) => hash)]);
  return { ...report, intact: report.intact && line !== null, noted: { line, of: ledger.length } };
}

/** The number of the line whose short code this is, however it was copied; 0 for the journal's own, before its first line. */
function lineOf(head: string, hashes: readonly string[]): number | null {
  const plain = (text: string) => text.replaceAll(/\s/g, "").toLowerCase();
  const at = hashes.findIndex((hash) => plain(shortDigest(hash)) === plain(head));
  return at < 0 ? null : at;
}

/** The run's chain alone, for a resume: where it ends, or what is wrong with it. */
export function proveChain(store: Store, row: RunRow, ledger: readonly LedgerRow[]): Bad | Tip {
  return guarded(store.file, "the run can't be read", () => proveRun(store.db, row, ledger));
}

function badLedger(store: Store, ledger: readonly LedgerRow[]): VerifyReport["firstBad"] {
  let before = journalId(store.db);
  let expected = 1;
  for (const row of ledger) {
    if (row.n !== expected) return { run: "ledger", seq: expected, what: "is missing" };
    if (ledgerHash(before, row) !== row.hash) return { run: "ledger", seq: row.n, what: "does not match its hash" };
    before = row.hash;
    expected += 1;
  }
  return null;
}

function goneRun(rows: readonly RunRow[], ledger: readonly LedgerRow[]): VerifyReport["firstBad"] {
  const there = new Set(rows.map(({ run }) => run));
  const gone = ledger.find(({ run }) => !there.has(run));
  if (!gone) return null;
  return { run: gone.run, seq: 1, what: `is missing: the whole run is gone, and the ledger knows it (line ${gone.n})` };
}

function firstBadRun(
  store: Store,
  rows: readonly RunRow[],
  seen: ReadonlyMap<RunId, readonly LedgerRow[]>,
): { readonly bad: VerifyReport["firstBad"]; readonly events: number } {
  let events = 0;
  for (const row of rows) {
    const found = proveRun(store.db, row, seen.get(row.run) ?? []);
    if ("what" in found) return { bad: found, events: events + found.seq - 1 };
    events += found.seq;
  }
  return { bad: null, events };
}

/** Damage that no entry shows: pages, indexes, foreign keys. */
function badFile({ db }: Store): VerifyReport["firstBad"] {
  const [first] = db.pragma("integrity_check(1)") as { integrity_check: string }[];
  if (first?.integrity_check === "ok") return null;
  return { run: "ledger", seq: 0, what: `the file is damaged: ${first?.integrity_check ?? "no answer"}` };
}

function byRun(ledger: readonly LedgerRow[]): ReadonlyMap<RunId, readonly LedgerRow[]> {
  return Map.groupBy(ledger, ({ run }) => run);
}
