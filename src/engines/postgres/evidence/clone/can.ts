import { existsSync, lstatSync } from "node:fs";
import { statfs } from "node:fs/promises";
import path from "node:path";
import type { Statement } from "../../../evidence.ts";
import type { PostgresTarget } from "../../target.ts";
import type { Closed } from "../closed.ts";
import { lsnNumber } from "../log/position.ts";
import type { FoundCommit, LogSummary } from "../log/summary.ts";
import { size } from "../say.ts";
import type { BaseBackup } from "./backup.ts";
import { placesOf, readableAt } from "./pauses.ts";
import { beginOf, type Begun, breakText, bytesOf, commitsOf, damageText, type Surveyed } from "./survey.ts";

const mostPauses = 20;

/** Why the backup can't serve this statement, whatever the log says; null where it may. */
export function whyUnfit({ backup, source, major }: Begun, { transactions, positions = [] }: Statement): Closed | null {
  if (backup.major !== major)
    return {
      why: `The backup is of PostgreSQL ${backup.major}, the server of ${major}.`,
      opensWith: "A backup of this version.",
    };
  if (backup.label.timeline !== source.timeline)
    return {
      why: `The backup is of timeline ${backup.label.timeline}, the server is on ${source.timeline} since a failover.`,
      opensWith: "A backup that was taken after the failover.",
    };
  if (transactions.length > mostPauses)
    return {
      why: `It is ${transactions.length} transactions, and each needs pauses of its own: at most ${mostPauses}.`,
      opensWith: "Choosing them in smaller groups.",
    };
  const start = lsnNumber(backup.label.start);
  return positions.some((position) => lsnNumber(position) < start) ? beforeBackup(backup) : null;
}

/** Why the clone can't be made for this statement; null where it can. */
export async function whyClosed(
  target: PostgresTarget,
  surveyed: Surveyed,
  statement: Statement,
): Promise<Closed | null> {
  const unfit = whyUnfit(surveyed, statement);
  if (unfit) return unfit;
  const commits = commitsOf(surveyed, statement);
  const last = commits.at(-1);
  if (commits.length < statement.transactions.length || !last) return gap(surveyed);
  return (
    notBefore(surveyed, statement, commits) ??
    rewritten(surveyed, statement, commits) ??
    unreadable(surveyed, statement, commits) ??
    (await unlogged(target, statement)) ??
    (await noRoom(target, surveyed, last)) ??
    tablespaces(surveyed.log, last)
  );
}

/** What of the log is missing, by name. */
function gap({ backup, source, stoppedAt, damage }: Surveyed): Closed {
  if (damage !== null)
    return {
      why: damageText(damage, source),
      opensWith: "A whole copy of that file in the archive.",
    };
  if (stoppedAt !== null) return breakText(stoppedAt, source);
  return beforeBackup(backup);
}

function beforeBackup({ startedAt }: BaseBackup): Closed {
  return {
    why: `The log since the backup of ${startedAt} does not name the statement's commit: it is from before the backup.`,
    opensWith: "A backup that was begun before it, with all WAL since.",
  };
}

function notBefore(
  { log, backup, oids }: Surveyed,
  { kind }: Statement,
  commits: readonly FoundCommit[],
): Closed | null {
  const [first] = commits.flatMap((commit) => placesOf(commit, oids, kind));
  if (
    first !== undefined &&
    log.backupEnd !== null &&
    log.backupEnd < first &&
    commits.every((commit) => beginOf(log, commit) !== null)
  )
    return null;
  return {
    why: `The backup of ${backup.startedAt} was not complete, or the transaction had begun, before the other.`,
    opensWith: "An older backup, with all WAL since.",
  };
}

/** Places mean something only within one file: what went with the file itself is another kind of statement. */
function rewritten({ files }: Surveyed, { kind }: Statement, commits: readonly FoundCommit[]): Closed | null {
  if (kind === "rewrite" || kind === "drop") return null;
  const found = commits.find(({ made }) => [...files.values()].some((all) => all.some((file) => made.includes(file))));
  if (found === undefined) return null;
  return {
    why: "Its transaction also gave one of the tables a new file (ALTER, CLUSTER, TRUNCATE).",
    opensWith:
      "Choosing it as `rewrite:` and its id in the list of statements, which compares whole tables by their keys.",
  };
}

/** More than 64 subtransactions of one transaction, and the log no longer names them all. */
function unreadable({ log, oids }: Surveyed, { kind }: Statement, commits: readonly FoundCommit[]): Closed | null {
  if (commits.every((commit) => readableAt(log, placesOf(commit, oids, kind)) !== "never")) return null;
  return {
    why: "From the backup's begin up to the statement a transaction with more than 64 savepoints was running: a server that replays that can't be read there.",
    opensWith: "An older backup, taken when no such transaction ran, with all WAL since.",
  };
}

async function unlogged(target: PostgresTarget, { tables }: Statement): Promise<Closed | null> {
  const rows = await (
    await target.catalogue()
  ).rows(
    "asking which tables are in the log",
    "SELECT n.name FROM unnest($1::text[]) AS n(name) JOIN pg_class c ON c.oid = to_regclass(n.name) WHERE c.relpersistence = 'u'",
    [tables.map(({ table }) => table)],
  );
  if (rows.length === 0) return null;
  return {
    why: `${rows.map(({ name }) => name).join(", ")} is unlogged: neither a backup nor the log has its rows.`,
    opensWith: "Another recovery path: its rows are on its pages alone.",
  };
}

/** Base, and the log, and as much again for rows and what replay writes. */
async function noRoom(target: PostgresTarget, surveyed: Surveyed, last: FoundCommit): Promise<Closed | null> {
  const need = bytesOf(surveyed, last) * (surveyed.backup.tar === null ? 1.3 : 5);
  const root = path.resolve(target.request.machine.scratch);
  const found = await statfs(existsSync(root) && lstatSync(root).isDirectory() ? root : path.dirname(root)).catch(
    () => null,
  );
  if (found === null || found.bavail * found.bsize > need) return null;
  return {
    why: `The clone needs about ${size(need)} in ${root}, which has ${size(found.bavail * found.bsize)} free.`,
    opensWith: "Free space there, or another scratch.folder in holdfast.yaml.",
  };
}

function tablespaces({ tablespaceAt }: LogSummary, last: FoundCommit): Closed | null {
  if (tablespaceAt === null || tablespaceAt > last.position) return null;
  return {
    why: "A tablespace was made since the backup: a clone that replays that would make a folder where production has its own.",
    opensWith: "A backup that was taken after the tablespace was made.",
  };
}
