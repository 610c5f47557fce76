import Database from "better-sqlite3";
import { Fault } from "../core/errors.ts";
import { migrations } from "./migrations/index.ts";

export type Connection = Database.Database;

/** `HOLD` in ASCII: tells our file from any other SQLite file. */
const applicationId = 0x484f4c44;

const busyMs = 5000;

/** Opens an existing (perhaps empty) file, brings it to the newest schema, and refuses foreign and newer ones before touching them. */
export function openDatabase(file: string): Connection {
  const db = new Database(file, { timeout: busyMs, fileMustExist: true });
  try {
    const version = refuseForeign(db, file);
    settle(db, file);
    if (version < migrations.length) migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Call it after a write: better-sqlite3 is built so that WAL falls back to `NORMAL` with the first write, unless told otherwise. */
export function assertDurable(db: Connection): void {
  const mode = db.pragma("journal_mode", { simple: true });
  const synchronous = db.pragma("synchronous", { simple: true });
  if (mode === "wal" && synchronous === 2) return;
  throw new Fault(
    "HF-JOURNAL-NOT-DURABLE",
    `the journal does not sync (${String(mode)}, synchronous ${String(synchronous)})`,
    {
      hint: "Name a folder on another local disk with --journal.",
      exit: "journal",
    },
  );
}

/** One transaction that has the write lock from its first moment: no upgrade that could fail with SQLITE_BUSY half way. */
export function immediately<T>(db: Connection, work: () => T): T {
  return db.transaction(work).immediate();
}

/** Reads that all see the same moment, while others go on writing. */
export function snapshot<T>(db: Connection, work: () => T): T {
  return db.transaction(work).deferred();
}

function refuseForeign(db: Connection, file: string): number {
  const version = Number(db.pragma("user_version", { simple: true }));
  const id = db.pragma("application_id", { simple: true });
  const isEmpty = db.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
  if (isEmpty && version === 0 && id === 0) return 0;
  if (id !== applicationId) {
    const hint = "Name another folder with --journal.";
    throw new Fault("HF-JOURNAL-FOREIGN", `${file} is not a journal of Holdfast`, { hint, exit: "journal" });
  }
  if (version > migrations.length) {
    const hint = "Use the newer version of Holdfast that wrote it.";
    const words = `${file} was written by a newer version of Holdfast (format ${version}, this one knows ${migrations.length})`;
    throw new Fault("HF-JOURNAL-NEWER", words, { hint, exit: "journal" });
  }
  return version;
}

function settle(db: Connection, file: string): void {
  useWal(db, file);
  for (const pragma of [
    "synchronous = FULL",
    "fullfsync = ON",
    "checkpoint_fullfsync = ON",
    "foreign_keys = ON",
    "recursive_triggers = ON",
    "trusted_schema = OFF",
    "secure_delete = ON",
    "cell_size_check = ON",
  ]) {
    db.pragma(pragma);
  }
}

/** Turning to WAL fails at once, whatever the timeout, while another process is about to write: a file that several make is asked again. */
function useWal(db: Connection, file: string): void {
  const deadline = performance.now() + busyMs;
  for (;;) {
    try {
      const mode = db.pragma("journal_mode = WAL", { simple: true });
      if (mode === "wal") return;
      throw new Fault("HF-JOURNAL-NOT-DURABLE", `${file} can't be kept in WAL mode (it stays ${String(mode)})`, {
        hint: "Name a folder on another local disk with --journal.",
        exit: "journal",
      });
    } catch (error) {
      const isBusy = error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY");
      if (!isBusy || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function migrate(db: Connection): void {
  immediately(db, () => {
    const version = Number(db.pragma("user_version", { simple: true }));
    for (const migration of migrations.slice(version)) db.exec(migration);
    db.pragma(`application_id = ${applicationId}`);
    db.pragma(`user_version = ${migrations.length}`);
  });
}
