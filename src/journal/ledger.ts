import type { RunEvent } from "../core/event.ts";
import type { RunId } from "../core/ids.ts";
import { ledgerHash, type LedgerRow } from "./chain.ts";
import type { Connection } from "./database.ts";

type LedgerKind = LedgerRow["kind"];

/** What the ledger says of an event; null for most. After a run's end every entry is told to it, for no end will vouch for them. */
export function ledgerMark(event: RunEvent, isClosed: boolean): { kind: LedgerKind; detail: string } | null {
  switch (event.kind) {
    case "run.opened":
      return { kind: "opened", detail: event.plan.digest };
    case "run.resumed":
      return { kind: "resumed", detail: event.person.operator };
    case "run.paused":
      return { kind: "paused", detail: "" };
    case "run.closed":
      return { kind: "closed", detail: event.outcome };
    default:
      return isClosed ? { kind: "amended", detail: event.kind } : null;
  }
}

/** Inside a transaction that has the write lock. */
export function addToLedger(db: Connection, draft: Omit<LedgerRow, "n" | "hash">): void {
  const newest = db.prepare<[], LedgerRow>("SELECT * FROM ledger ORDER BY n DESC LIMIT 1").get();
  const row = { n: (newest?.n ?? 0) + 1, ...draft };
  db.prepare(
    `INSERT INTO ledger (n, at, kind, run, seq, head, detail, hash)
     VALUES (@n, @at, @kind, @run, @seq, @head, @detail, @hash)`,
  ).run({ ...row, hash: ledgerHash(newest?.hash ?? journalId(db), row) });
}

export function ledgerOf(db: Connection, run: RunId): readonly LedgerRow[] {
  return db.prepare<[string], LedgerRow>("SELECT * FROM ledger WHERE run = ? ORDER BY n").all(run);
}

/** The whole of it: a few lines for each run. */
export function wholeLedger(db: Connection): readonly LedgerRow[] {
  return db.prepare<[], LedgerRow>("SELECT * FROM ledger ORDER BY n").all();
}

/** Random, made with the file: the first line of the ledger rests on it. */
export function journalId(db: Connection): string {
  return db.prepare<[], string>("SELECT value FROM meta WHERE key = 'journal'").pluck().get() ?? "";
}
