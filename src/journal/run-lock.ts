import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { utc } from "../core/clock.ts";
import { Fault } from "../core/errors.ts";
import { type RunId, shortRunId } from "../core/ids.ts";
import { isBusy } from "./errors.ts";
import { makeFolder, makePrivateFile } from "./place.ts";

/** While it is held, no other process drives the run. It dies with the process; there is nothing stale to clean up. */
export interface RunLock {
  release(): void;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: number;
}

/** A look from `isDriven` holds the file for less than a millisecond: wait it out. */
const patienceMs = 250;

/** An exclusive lock on a tiny SQLite file of the run. Held elsewhere, or by this process: Fault `HF-RUN-BUSY`. */
export function takeRunLock(folder: string, run: RunId, now: number): RunLock {
  const { file, holder } = lockFiles(folder, run);
  makeFolder(path.dirname(file));
  makePrivateFile(file);
  const db = new Database(file, { timeout: patienceMs, fileMustExist: true });
  try {
    db.pragma("journal_mode = MEMORY");
    db.exec("BEGIN EXCLUSIVE");
    makePrivateFile(holder);
    const self: Holder = { pid: process.pid, host: os.hostname(), since: now };
    writeFileSync(holder, JSON.stringify(self));
  } catch (error) {
    db.close();
    throw isBusy(error) ? busyFault(run, holder) : error;
  }
  return { release: () => release(db, holder) };
}

/** Whether a living process holds it. The files stay when a run ends: another process may be about to lock them. */
export function isDriven(folder: string, run: RunId): boolean {
  const { file } = lockFiles(folder, run);
  if (!existsSync(file)) return false;
  const db = new Database(file, { timeout: 0, readonly: true, fileMustExist: true });
  try {
    db.prepare("SELECT 1 FROM sqlite_schema").get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  } finally {
    db.close();
  }
}

function lockFiles(folder: string, run: RunId): { file: string; holder: string } {
  if (!/^[0-9a-f-]{36}$/.test(run)) throw new Error("a run's id is a UUID");
  const base = path.join(folder, "locks", run);
  return { file: `${base}.sqlite`, holder: `${base}.json` };
}

function release(db: Database.Database, holder: string): void {
  if (!db.open) return;
  rmSync(holder, { force: true });
  db.close();
}

function busyFault(run: RunId, holder: string): Fault {
  return new Fault("HF-RUN-BUSY", `run ${shortRunId(run)} is driven by ${holderWords(holder)}`, {
    still: "Nothing was changed: one process at a time drives a run.",
    hint: "Go on where it runs, or end that process first; then resume here.",
    exit: "busy",
  });
}

/** The lock is the truth; this file only says who wrote it last, and may be missing or cut short. */
function holderWords(file: string): string {
  const unknown = "another process";
  try {
    const { pid, host, since } = JSON.parse(readFileSync(file, "utf8")) as Holder;
    const self = pid === process.pid ? " (this one)" : "";
    return `process ${pid}${self} on ${host}, since ${utc(since)}`;
  } catch {
    return unknown;
  }
}
