import path from "node:path";
import type { Clock } from "../core/clock.ts";
import type { RunEvent } from "../core/event.ts";
import type { RunId } from "../core/ids.ts";
import type { Redactor } from "../core/redact.ts";
import { append, type Tip } from "./append.ts";
import { ballastFile } from "./ballast.ts";
import { openDatabase } from "./database.ts";
import { brokenFault, guarded } from "./errors.ts";
import type { Journal, RunJournal } from "./journal.ts";
import { ledgerOf } from "./ledger.ts";
import { listRuns } from "./list.ts";
import { readPayload } from "./payload.ts";
import { preparePlace } from "./place.ts";
import { findRuns, knownRun, readRun } from "./read.ts";
import { runJournal } from "./run-journal.ts";
import { type RunLock, takeRunLock } from "./run-lock.ts";
import { addRun, nextRunRow, runRow } from "./run-row.ts";
import { type Reached, redacted, type Store } from "./store.ts";
import { proveChain, verifyJournal } from "./verify.ts";

export interface JournalOptions {
  /** Made (0700) when it is not there. */
  readonly folder: string;
  readonly clock: Clock;
  readonly reached?: Reached;
  /** Sees every event before it is stored. */
  readonly redactor?: Redactor;
}

/**
 * Opens `journal.sqlite` in the folder, making both when they are not there. Faults: `HF-JOURNAL-UNSAFE` (others own it or may write to
 * it), `-NETWORK`, `-FOREIGN`, `-NEWER`, `-NOT-DURABLE`, `-NOT-WRITABLE`, `-FULL`, `-BUSY`, `-DAMAGED`, `-IO`.
 */
export function openJournal({ folder, clock, reached = () => {}, redactor }: JournalOptions): Journal {
  const file = path.join(folder, "journal.sqlite");
  const db = guarded(file, "the journal can't be opened", () => {
    preparePlace(folder, file);
    reached("journal.open:before");
    const opened = openDatabase(file);
    reached("journal.open:after");
    return opened;
  });
  const ballast = ballastFile(path.join(folder, "ballast"));
  return journal({ db, folder, file, clock, reached, redactor: redactor ?? null, ballast });
}

function journal(store: Store): Journal {
  const { db, file } = store;
  const driven = new Set<RunJournal>();
  const reading = <T>(read: () => T) => guarded(file, "the journal can't be read", read);
  const drive = (lock: RunLock, tip: Tip): RunJournal => {
    const run = runJournal(store, lock, tip, () => driven.delete(run));
    driven.add(run);
    return run;
  };
  return {
    file,
    runs: () => reading(() => listRuns(store)),
    find: (text) => reading(() => findRuns(db, text)),
    read: (run) => reading(() => readRun(db, run)),
    open: (opened) => {
      const lock = lockRun(store, opened.run);
      return orRelease(lock, () => drive(lock, openRun(store, opened)));
    },
    take: (run) => {
      const row = reading(() => knownRun(db, run));
      const lock = lockRun(store, run);
      return orRelease(lock, () => {
        const proof = proveChain(
          store,
          row,
          reading(() => ledgerOf(db, run)),
        );
        if ("what" in proof) throw brokenFault(run, proof.seq, proof.what);
        return drive(lock, proof);
      });
    },
    verify: (run, head) => verifyJournal(store, run, head),
    payload: (run, ref) => reading(() => readPayload(db, knownRun(db, run), ref)),
    close: () => {
      for (const run of driven) run.release();
      db.close();
    },
  };
}

function openRun(store: Store, opened: Extract<RunEvent, { kind: "run.opened" }>): Tip {
  const event = redacted(store, opened);
  const at = Math.trunc(store.clock.now());
  const start: Tip = { run: event.run, row: 0, seq: 0, hash: "", isClosed: false };
  const place = () => {
    const n = nextRunRow(store.db);
    addRun(store.db, runRow(n, at, event));
    return n;
  };
  return append(store, start, [{ at, event }], place).tip;
}

function lockRun(store: Store, run: RunId): RunLock {
  const lock = guarded(store.file, "the run lock can't be taken", () =>
    takeRunLock(store.folder, run, store.clock.now()),
  );
  store.reached("journal.lock:taken");
  return lock;
}

function orRelease<T>(lock: RunLock, work: () => T): T {
  try {
    return work();
  } catch (error) {
    lock.release();
    throw error;
  }
}
