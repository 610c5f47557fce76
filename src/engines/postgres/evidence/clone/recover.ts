import { createReadStream, existsSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { Fault } from "../../../../core/errors.ts";
import type { RunId } from "../../../../core/ids.ts";
import type { Watch } from "../../../engine.ts";
import type { Recovered, RecoveredTable, Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { PostgresTarget } from "../../target.ts";
import type { Closed } from "../closed.ts";
import { lsnText } from "../log/position.ts";
import type { FoundCommit } from "../log/summary.ts";
import { plural } from "../say.ts";
import { tablesOf } from "../statement.ts";
import { hasRows, type Taken, takenByKey, takenByPlace } from "./after.ts";
import { readBefore, type ReadTable, type Which } from "./before.ts";
import { buildClone, type Clone } from "./build.ts";
import { whyClosed } from "./can.ts";
import { cloneFolder, clonePlaces } from "./folder.ts";
import type { LogSurvey } from "./log-survey.ts";
import { loggedSteps, type LoggedSteps } from "./logged-steps.ts";
import { type Paused, pausedAt } from "./paused.ts";
import { addTaken, joinParts, type Sums } from "./sums.ts";
import { commitsOf, type Surveyed } from "./survey.ts";
import { type CloneTable, cloneTable, keyColumns } from "./tables.ts";

/**
 * The rows that the statement took, out of a clone that stands once just before and once just after each of its commits. Nothing
 * but that COMMIT lies between the two, so what is gone from one to the other was taken by it and by nobody else.
 */
export async function recoverByClone(
  target: PostgresTarget,
  log: LogSurvey,
  statement: Statement,
  run: RunId,
  watch: Watch,
): Promise<Recovered> {
  const names = tablesOf(statement);
  const wanted = { tables: names, xids: statement.transactions };
  const surveyed = await log.upTo(wanted, watch);
  const closed = await whyClosed(target, surveyed, statement);
  if (closed) throw closedFault(closed);
  refuseMissing(names, surveyed);
  const commits = commitsOf(surveyed, statement);
  const last = commits.at(-1)?.position ?? 0n;
  const clone = await buildClone(target, cloneFolder(target, run), surveyed, last, watch);
  const reading: Reading = { target, statement, surveyed, clone, names, watch };
  const sums: Sums = new Map();
  for (const [nth, commit] of commits.entries()) {
    watch.output(`pausing the clone at ${lsnText(commit.position)}, commit ${nth + 1} of ${commits.length}`);
    await takeOne(reading, { commit, nth }, sums);
  }
  if (statement.kind === "group")
    await joinParts(sums, (table) => ({
      parts: commits.map((_, nth) => filesOf(reading, table, nth).to),
      to: filesOf(reading, table).all,
    }));
  return recovered(names, sums, reading);
}

/** Rows of a table that is not there have nowhere to go back to. */
function refuseMissing(names: readonly TableName[], { oids }: Surveyed): void {
  const missing = names.filter((name) => !oids.has(name));
  if (missing.length === 0) return;
  throw new Fault("HF-CLONE-NO-TABLE", `${missing.join(", ")} is not there any more`, {
    exit: "refused",
    still: "Nothing was changed on the target.",
    hint: "Make it again under its old name, empty, with its old columns; then begin anew.",
  });
}

interface Reading {
  readonly target: PostgresTarget;
  readonly statement: Statement;
  readonly surveyed: Surveyed;
  readonly clone: Clone;
  readonly names: readonly TableName[];
  readonly watch: Watch;
}

const isWhole = ({ kind }: Statement) => kind === "rewrite" || kind === "drop";

interface Nth {
  readonly commit: FoundCommit;
  readonly nth: number;
}

async function takeOne(reading: Reading, { commit, nth }: Nth, sums: Sums): Promise<void> {
  const { statement, clone, target, watch } = reading;
  // The log is read here while the clone replays and gives its rows.
  const [tables, early] = await Promise.all([
    readTables(reading, commit),
    isWhole(statement) ? null : steps(reading, commit),
  ]);
  const known = early && (await stepsFor(early, reading, commit, tables));
  const after = await pausedAt(clone, target.request.target.database, commit.position, "after", watch);
  target.request.reached("clone.paused:after");
  await whileOpen(after, watch, async () => {
    for (const table of tables) {
      const files = filesOf(reading, table.table, nth);
      const taken = known
        ? await takenByPlace(after.connection, table, known.of(table.file), files)
        : await wholeTable(after, table, files);
      proveSum(table, taken);
      addTaken(sums, table, taken);
      rmSync(files.from);
    }
  });
}

async function readTables(reading: Reading, commit: FoundCommit): Promise<readonly ReadTable[]> {
  const { statement, clone, target, watch } = reading;
  const tables: ReadTable[] = [];
  const oids = statement.kind === "drop" ? await oidsBefore(reading, commit) : reading.surveyed.oids;
  for (const [position, names] of pausesBefore(commit, oids)) {
    const before = await pausedAt(clone, target.request.target.database, position, "before", watch);
    target.request.reached("clone.paused:before");
    const isLocked = position < commit.position;
    tables.push(...(await whileOpen(before, watch, () => readPaused(reading, before, names, isLocked))));
  }
  return tables;
}

function steps(
  { surveyed, clone, watch }: Reading,
  commit: FoundCommit,
  files?: ReadonlySet<string>,
): Promise<LoggedSteps> {
  return loggedSteps(clone, surveyed, commit, files ?? new Set([...surveyed.files.values()].flat()), watch.signal);
}

/** A file that nobody knew before the clone told its name is looked for anew. */
function stepsFor(read: LoggedSteps, reading: Reading, commit: FoundCommit, tables: readonly ReadTable[]) {
  const files = tables.map(({ file }) => file);
  return files.every((file) => read.files.has(file)) ? read : steps(reading, commit, new Set(files));
}

/**
 * Where a table is read: just before the commit. A clone takes the statement's exclusive lock too, and then nobody can read the table:
 * so just before that, since from the lock on nobody else could change it.
 */
function pausesBefore(
  commit: FoundCommit,
  oids: ReadonlyMap<TableName, number>,
): readonly (readonly [bigint, readonly TableName[]])[] {
  const pauses = new Map<bigint, TableName[]>();
  for (const [name, oid] of oids) {
    const position = commit.locks.get(oid) ?? commit.position;
    pauses.set(position, [...(pauses.get(position) ?? []), name]);
  }
  return [...pauses].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** A table that was dropped had another oid than the one that has its name now: its name is looked up before the first lock. */
async function oidsBefore(reading: Reading, commit: FoundCommit): Promise<ReadonlyMap<TableName, number>> {
  const { clone, target, watch, names } = reading;
  const first = [...commit.locks.values()].reduce((least, at) => (at < least ? at : least), commit.position);
  const paused = await pausedAt(clone, target.request.target.database, first, "before", watch);
  return whileOpen(paused, watch, async () => {
    const sql = "SELECT name, to_regclass(name)::oid::text AS oid FROM unnest($1::text[]) AS n(name)";
    const rows = await paused.connection.rows("looking for the table in the clone", sql, [[...names]]);
    const found = rows.flatMap(({ name, oid }) => (oid == null ? [] : [[name ?? "", Number(oid)] as const]));
    const taken = found.filter(([, oid]) => commit.locks.has(oid));
    if (taken.length > 0) return new Map(taken);
    throw notDropped(names);
  });
}

function notDropped(names: readonly TableName[]): Fault {
  return new Fault("HF-CLONE-NOT-DROPPED", `this transaction did not drop ${names.join(" or ")}: the clone shows it`, {
    exit: "refused",
    still: "Nothing was written on the target.",
    hint: "Begin anew and choose another statement, or name the table as it was named then.",
  });
}

async function readPaused(
  reading: Reading,
  { connection }: Paused,
  names: readonly TableName[],
  isLocked: boolean,
): Promise<readonly ReadTable[]> {
  const members = ofStatement(reading);
  const tables: ReadTable[] = [];
  for (const [nth, name] of names.entries()) {
    reading.watch.signal.throwIfAborted();
    reading.watch.progress({ done: nth, total: names.length, unit: "tables", note: name });
    const table = await cloneTable(connection, await reading.target.catalogue(), name);
    const isAll = isWhole(reading.statement);
    const which: Which = { members, all: isLocked || isAll, keys: isAll || reading.statement.kind === "group" };
    await readBefore(connection, table, which, filesOf(reading, name).from);
    tables.push({ ...table, all: which.all });
  }
  return tables;
}

/** What any of the statement's transactions made is its own, and comes back from none of them. */
function ofStatement({ surveyed, statement }: Reading): readonly string[] {
  return commitsOf(surveyed, statement).flatMap(({ xid, subs }) => [xid, ...subs].map(String));
}

/** What is left in the table just after is told by its key; without a key nothing may be left. */
async function wholeTable(after: Paused, table: CloneTable, files: { from: string; to: string }): Promise<Taken> {
  if (keyColumns(table).length > 0 || !(await hasRows(after.connection, table)))
    return takenByKey(after.connection, table, files);
  throw new Fault(
    "HF-CLONE-NO-KEY",
    `${table.table} has rows just after the statement, and no key to tell which are still there`,
    {
      exit: "refused",
      still: "Nothing was written on the target.",
      hint: "The rows from before are in no other place: compare by hand, from a restore of the backup.",
    },
  );
}

/** What fails because the signal ended its server is the signal's doing. */
async function whileOpen<T>(paused: Paused, { signal }: Watch, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await paused.stop();
  }
}

/** The log counts what was deleted; more than that can't be gone. */
function proveSum({ table }: CloneTable, { own, rows }: Taken): void {
  if (own >= 0) return;
  throw new Fault(
    "HF-EVIDENCE-COUNT",
    `${plural(rows, "row")} of ${table} are gone, the log tells of ${rows + own} deleted`,
    {
      exit: "not-proved",
      still: "Nothing was written on the target.",
      hint: "Try again; report it when it happens twice.",
    },
  );
}

interface Files {
  readonly from: string;
  /** What the `nth` commit took. */
  readonly to: string;
  readonly all: string;
}

/** What a group took lies in a file for each commit first. */
function filesOf({ clone, names, statement }: Reading, table: TableName, nth = 0): Files {
  const place = path.join(clonePlaces(clone.folder).rows, `t${names.indexOf(table) + 1}`);
  const all = `${place}.copy`;
  return { from: `${place}.before`, to: statement.kind === "group" ? `${all}.${nth}` : all, all };
}

/** The server has stopped: what it gave lies in files of ours. */
function recovered(names: readonly TableName[], sums: Sums, reading: Reading): Recovered {
  const file = (table: TableName) => filesOf(reading, table).all;
  return {
    tables: names.flatMap((name) => {
      const table = sums.get(name)?.sum;
      return table
        ? [
            {
              ...table,
              unknown: untold(reading.statement, table),
              bytes: statSync(file(name), { throwIfNoEntry: false })?.size ?? 0,
            },
          ]
        : [];
    }),
    rows: (table) => Promise.resolve(existsSync(file(table)) ? createReadStream(file(table)) : Readable.from([])),
    close: () => Promise.resolve(),
  };
}

/** A row that one transaction of a group updated and a later one deleted is counted with both and given back by neither: at most so many. */
function untold({ kind }: Statement, { updated, own }: RecoveredTable): number {
  return kind === "group" ? Math.min(updated, own) : 0;
}

function closedFault({ why, opensWith }: Closed): Fault {
  return new Fault("HF-CLONE-CLOSED", why, {
    exit: "refused",
    still: "Nothing was changed on the target.",
    hint: `What opens this way: ${opensWith}`,
  });
}
