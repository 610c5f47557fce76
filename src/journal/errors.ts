import Database from "better-sqlite3";
import { Fault } from "../core/errors.ts";
import type { RunId } from "../core/ids.ts";
import { shortRunId } from "../core/ids.ts";

/** Runs `work`, and turns what SQLite and the file system say into Faults with the exit `journal`. Bugs pass unchanged. */
export function guarded<T>(file: string, doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw journalFault(error, doing, file);
  }
}

/** There may be too little room: SQLite says FULL for ENOSPC, and IOERR for an exceeded quota or a shared-memory file that can't grow. */
export function mayLackRoom(error: unknown): boolean {
  return ["SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"].includes(codeOf(error));
}

export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith("SQLITE_BUSY");
}

export function isDamage(error: unknown): boolean {
  return /^SQLITE_(CORRUPT|NOTADB)/.test(codeOf(error));
}

export function fullFault(file: string, cause: string): Fault {
  return new Fault("HF-JOURNAL-FULL", "there is no room left for the journal", {
    cause,
    still: "Every entry up to here is kept. Nothing new was begun.",
    hint: `Free at least 16 MB on the disk that holds ${file}, then resume.`,
    exit: "journal",
  });
}

/** An entry that can't be trusted or read. */
export function brokenFault(run: RunId, seq: number, what: string): Fault {
  return new Fault("HF-JOURNAL-BROKEN", `the journal of run ${shortRunId(run)} is broken: entry ${seq} ${what}`, {
    still: "Nothing was changed, neither in the journal nor on a target.",
    hint: "Keep a copy of the journal's folder, and find out who or what changed the file. This run can't be resumed from it.",
    next: ["holdfast journal verify"],
    exit: "journal",
  });
}

export function noRunFault(run: RunId): Fault {
  const hint = "List the runs, and name one by its id or by the four characters of its short id.";
  const draft = { hint, next: ["holdfast journal list"], exit: "input" as const };
  return new Fault("HF-JOURNAL-NO-RUN", `the journal has no run ${run}`, draft);
}

function codeOf(error: unknown): string {
  return error instanceof Database.SqliteError ? error.code : "";
}

function journalFault(error: unknown, doing: string, file: string): unknown {
  if (!(error instanceof Database.SqliteError)) return fileFault(error, doing, file);
  const words = `${doing}: ${error.message}`;
  const options = { cause: error };
  const draft = { cause: error.code, exit: "journal" as const, still: "Nothing new was begun." };
  if (error.code === "SQLITE_FULL") return fullFault(file, words);
  if (isBusy(error)) {
    const hint = "Another process keeps the journal to itself. Wait until it has ended, then try again.";
    return new Fault("HF-JOURNAL-BUSY", words, { ...draft, hint }, options);
  }
  if (isDamage(error)) {
    const hint = `Keep a copy of ${file} and of the files beside it, then look at the disk.`;
    return new Fault("HF-JOURNAL-DAMAGED", words, { ...draft, hint, next: ["holdfast journal verify"] }, options);
  }
  if (/^SQLITE_(READONLY|CANTOPEN|PERM|AUTH)/.test(error.code)) {
    const hint = `Look at the owner and the rights of ${file} and its folder.`;
    return new Fault("HF-JOURNAL-NOT-WRITABLE", words, { ...draft, hint }, options);
  }
  if (error.code.startsWith("SQLITE_CONSTRAINT")) {
    const still = "The entry was not added; what was there is unchanged.";
    return new Fault("HF-JOURNAL-REFUSED", words, { ...draft, still }, options);
  }
  const still = "Whether the newest entry is on disk is not known; what came before it is.";
  const hint = "Look at the disk and the kernel's log, then resume.";
  return new Fault("HF-JOURNAL-IO", words, { ...draft, still, hint }, options);
}

/** Errors of node:fs carry a `code` and a `syscall`; anything else is a bug and stays one. */
function fileFault(error: unknown, doing: string, file: string): unknown {
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) return error;
  const code = String(error.code);
  if (code === "ENOSPC" || code === "EDQUOT") return fullFault(file, `${doing}: ${code}`);
  const hint = `Look at the owner, the rights and the disk of ${file}.`;
  return new Fault(
    "HF-JOURNAL-NOT-WRITABLE",
    `${doing}: ${code}`,
    { hint, exit: "journal", still: "Nothing new was begun." },
    { cause: error },
  );
}
