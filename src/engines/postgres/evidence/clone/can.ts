import { existsSync, lstatSync } from "node:fs";
import { statfs } from "node:fs/promises";
import path from "node:path";
import type { Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { PostgresTarget } from "../../target.ts";
import { change, type Closed } from "../closed.ts";
import { lsnNumber, lsnText } from "../log/position.ts";
import type { Segment } from "../log/segments.ts";
import type { LogSource } from "../log/source.ts";
import type { FoundCommit, LogSummary } from "../log/summary.ts";
import { size } from "../say.ts";
import type { BaseBackup } from "./backup.ts";
import { placesOf, readableAt } from "./pauses.ts";
import { beginOf, type Begun, breakText, bytesOf, commitsOf, damageText, type Surveyed } from "./survey.ts";

const mostPauses = 20;

/** What is lost already is in no backup that is begun now. */
const newBackup = change("command", "pg_basebackup --pgdata=FOLDER --checkpoint=fast --wal-method=none", {
  fromNowOn: true,
});

/** Why the backup can't serve this statement, whatever the log says; null where it may. */
export function whyUnfit({ backup, source, major }: Begun, { transactions, positions = [] }: Statement): Closed | null {
  if (backup.major !== major)
    return {
      why: `The backup is of PostgreSQL ${backup.major}, the server of ${major}.`,
      opensWith: "A backup of this version.",
      change: newBackup,
    };
  if (backup.label.timeline !== source.timeline)
    return {
      why: `The backup is of timeline ${backup.label.timeline}, the server is on ${source.timeline} since a failover.`,
      opensWith: "A backup that was taken after the failover.",
      change: newBackup,
    };
  if (transactions.length > mostPauses)
    return {
      why: `It is ${transactions.length} transactions, and each needs pauses of its own: at most ${mostPauses}.`,
      opensWith: "Choosing them in smaller groups.",
    };
  const start = lsnNumber(backup.label.start);
  return positions.some((position) => lsnNumber(position) < start) ? beforeBackup(backup) : null;
}

/** Null where the backup is of this very server, or nobody can tell before it is unpacked. */
export function ofAnother({ backup, source }: Begun): Closed | null {
  if (backup.system === null || backup.system === source.system) return null;
  return {
    why: "The base backup is of another server than the target.",
    opensWith: "This server's own backup under backup.base in holdfast.yaml.",
    change: change("config", "backup: { base: FOLDER, archive: FOLDER }"),
  };
}

/** The same for a DELETE that commits where the log ends now. */
export async function whyClosedAhead(
  target: PostgresTarget,
  surveyed: Surveyed,
  tables: readonly TableName[],
): Promise<Closed | null> {
  if (surveyed.stoppedAt !== null || surveyed.damage !== null) return gap(surveyed);
  const { log } = surveyed;
  const commit = deleteAt(surveyed.source.end, log.running.at(-1)?.next ?? 3);
  const statement = statementAhead(surveyed, tables, commit);
  return whyClosed(target, { ...surveyed, log: { ...log, commits: [commit] } }, statement);
}

/** Also asked before the log is read. */
export function statementAhead(
  { source }: Pick<Begun, "source">,
  tables: readonly TableName[],
  { xid }: Pick<FoundCommit, "xid"> = { xid: 3 },
): Statement {
  return {
    value: String(xid),
    kind: "one",
    transactions: [String(xid)],
    subtransactions: [],
    positions: [lsnText(source.end)],
    at: null,
    until: null,
    rows: 0,
    tables: tables.map((table) => ({ table, rows: 0 })),
    doubts: [],
    who: null,
  };
}

function deleteAt(position: bigint, xid: number): FoundCommit {
  const none = {
    subs: [],
    dropped: [],
    made: [],
    deleted: new Map(),
    updated: new Map(),
    inserted: new Map(),
    locks: new Map(),
  };
  return { ...none, xid, position, at: 0n, database: 0, moved: 0, alsoWrote: false };
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
function gap({
  backup,
  source,
  stoppedAt,
  damage,
}: Pick<Surveyed, "backup" | "source" | "stoppedAt" | "damage">): Closed {
  if (damage !== null)
    return {
      why: damageText(damage, source),
      opensWith: "A whole copy of that file in the archive.",
      change: newBackup,
    };
  if (stoppedAt !== null) return broken(stoppedAt, source);
  return beforeBackup(backup);
}

/** The newest file is archived when it is full, or when the server is told to begin another. */
export function broken(stoppedAt: Segment, source: LogSource): Closed {
  const isNewest = source.end - stoppedAt.start <= BigInt(source.segmentBytes);
  return { ...breakText(stoppedAt, source), change: isNewest ? change("sql", switchesLog) : newBackup };
}

/** The server closes the file that it writes, and archives it. */
export const switchesLog = "SELECT pg_switch_wal();";

function beforeBackup({ startedAt }: BaseBackup): Closed {
  return {
    why: `The log since the backup of ${startedAt} does not name the statement's commit: it is from before the backup.`,
    opensWith: "A backup that was begun before it, with all WAL since.",
    change: newBackup,
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
    change: newBackup,
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
    change: newBackup,
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
    change: change("sql", rows.map(({ name }) => `ALTER TABLE ${name} SET LOGGED;`).join(" "), { fromNowOn: true }),
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
    change: change("config", "scratch: { folder: FOLDER }"),
  };
}

function tablespaces({ tablespaceAt }: LogSummary, last: FoundCommit): Closed | null {
  if (tablespaceAt === null || tablespaceAt > last.position) return null;
  return {
    why: "A tablespace was made since the backup: a clone that replays that would make a folder where production has its own.",
    opensWith: "A backup that was taken after the tablespace was made.",
    change: newBackup,
  };
}
