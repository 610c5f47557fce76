import { rmSync } from "node:fs";
import path from "node:path";
import { Fault } from "../../../../core/errors.ts";
import type { Watch } from "../../../engine.ts";
import type { Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import type { PostgresTarget } from "../../target.ts";
import type { FoundCommit } from "../log/summary.ts";
import { plural } from "../say.ts";
import { changedByPlace, hasRows, type Taken, takenByKey, takenByPlace } from "./after.ts";
import { type Files, readBefore, readIfAll, type ReadTable, type Which } from "./before.ts";
import type { Clone } from "./build.ts";
import { clonePlaces } from "./folder.ts";
import { loggedTraces, type LoggedTraces, surveyedTraces } from "./logged-traces.ts";
import { type Paused, pausedAt } from "./paused.ts";
import { firstLock, pausesBefore } from "./pauses.ts";
import { addTaken, type Sums } from "./sums.ts";
import { commitsOf, type Surveyed } from "./survey.ts";
import { type CloneTable, cloneTable, fileOf, keyColumns, type Known } from "./tables.ts";

/** One statement on its way out of a clone. */
export interface Reading {
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

/** What one commit took, written to files of ours and added to `sums`. */
export async function takeOne(reading: Reading, { commit, nth }: Nth, sums: Sums): Promise<void> {
  const { statement, surveyed } = reading;
  // Of a group the other members' rows are left out of what is counted: then as many prove nothing.
  const told = statement.kind === "one" && !statement.values ? surveyedTraces(surveyed, commit) : null;
  // The log is read here while the clone replays and gives its rows.
  const [tables, early] = await Promise.all([
    readTables(reading, { commit, nth }, told),
    isWhole(statement) ? null : (told ?? traces(reading, commit)),
  ]);
  const left = tables.filter((table) => !isProved(table));
  for (const table of tables) if (table.taken) addTaken(sums, table, table.taken);
  if (left.length > 0) await takeAfter(reading, { commit, nth }, left, { early, sums });
}

/** Of tables where what it took is not proved yet: what of the rows is gone just after it. */
async function takeAfter(
  reading: Reading,
  { commit, nth }: Nth,
  tables: readonly ReadTable[],
  { early, sums }: { readonly early: LoggedTraces | null; readonly sums: Sums },
): Promise<void> {
  const { clone, target, watch } = reading;
  const known = early && (await tracesFor(early, reading, commit, tables));
  const after = await pausedAt(clone, target.request.target.database, commit.position, "after", watch);
  target.request.reached("clone.paused:after");
  await whileOpen(after, watch, isLast(reading, nth), async () => {
    for (const [at, table] of tables.entries()) {
      tellOf(reading, at, `${table.table} just after it`);
      const files = filesOf(reading, table.table, nth);
      const taken = known
        ? await takenInPlace(after.connection, table, known, files, reading.statement)
        : await wholeTable(after, table, files);
      proveSum(table, taken);
      addTaken(sums, table, taken);
      rmSync(files.from);
    }
  });
}

async function readTables(
  reading: Reading,
  { commit, nth: nthCommit }: Nth,
  told: LoggedTraces | null,
): Promise<readonly ReadTable[]> {
  const { statement, clone, target, watch } = reading;
  const tables: ReadTable[] = [];
  const oids = statement.kind === "drop" ? await oidsBefore(reading, commit) : reading.surveyed.oids;
  const pauses = pausesBefore(commit, oids);
  for (const [position, names] of pauses) {
    const before = await pausedAt(clone, target.request.target.database, position, "before", watch);
    target.request.reached("clone.paused:before");
    const isLocked = position < commit.position;
    const known = names.map((table) => ({ table, oid: oids.get(table) ?? 0, madeAgain: statement.kind === "drop" }));
    const tell = (nth: number, table: TableName) => tellOf(reading, tables.length + nth, `${table} just before it`);
    const isEnd = isLast(reading, nthCommit) && position === pauses.at(-1)?.[0];
    const forGood = (read: readonly ReadTable[]) => isEnd && [...tables, ...read].every(isProved);
    tables.push(
      ...(await whileOpen(before, watch, forGood, () =>
        readPaused(reading, before, known, { isLocked, tell, told, nth: nthCommit }),
      )),
    );
  }
  return tables;
}

const isProved = ({ taken }: ReadTable) => taken !== null;
const isLast = ({ surveyed, statement }: Reading, nth: number) => nth === commitsOf(surveyed, statement).length - 1;

function traces(
  { surveyed, clone, watch }: Reading,
  commit: FoundCommit,
  files?: ReadonlySet<string>,
): Promise<LoggedTraces> {
  return loggedTraces(clone, surveyed, commit, files ?? new Set([...surveyed.files.values()].flat()), watch.signal);
}

/** A file that nobody knew before the clone told its name is looked for anew. */
function tracesFor(read: LoggedTraces, reading: Reading, commit: FoundCommit, tables: readonly ReadTable[]) {
  const files = tables.map(({ file }) => file);
  return files.every((file) => read.files.has(file)) ? read : traces(reading, commit, new Set(files));
}

/** A table that was dropped had another oid than the one that has its name now: its name is looked up before the first lock. */
async function oidsBefore(reading: Reading, commit: FoundCommit): Promise<ReadonlyMap<TableName, number>> {
  const { clone, target, watch, names } = reading;
  const paused = await pausedAt(clone, target.request.target.database, firstLock(commit), "before", watch);
  return whileOpen(paused, watch, false, async () => {
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

interface Pausing {
  readonly isLocked: boolean;
  readonly tell: (nth: number, table: TableName) => void;
  readonly told: LoggedTraces | null;
  readonly nth: number;
}

async function readPaused(
  reading: Reading,
  { connection }: Paused,
  known: readonly Known[],
  { isLocked, tell, told, nth: nthCommit }: Pausing,
): Promise<readonly ReadTable[]> {
  const members = ofStatement(reading);
  const tables: ReadTable[] = [];
  for (const [nth, one] of known.entries()) {
    tell(nth, one.table);
    const table = await cloneTable(connection, await reading.target.catalogue(), one);
    if (reading.statement.values) await refuseMoved(await reading.target.catalogue(), table);
    const isAll = isWhole(reading.statement);
    const which: Which = { members, all: isLocked || isAll, keys: isAll || reading.statement.kind === "group" };
    const files = filesOf(reading, one.table, nthCommit);
    const taken = told?.files.has(table.file)
      ? await readIfAll(connection, table, which, told.of(table.file).deletes, files)
      : null;
    if (taken === null) await readBefore(connection, table, which, files);
    tables.push({ ...table, all: which.all, taken });
  }
  return tables;
}

/** What a former value goes back to is told by its place, which the target and the clone share as long as the file is the same. */
async function refuseMoved(target: Connection, table: CloneTable): Promise<void> {
  if ((await fileOf(target, table)) === table.file) return;
  throw new Fault("HF-CLONE-REWRITTEN", `${table.table} was given a new file since the statement`, {
    exit: "refused",
    cause: "By VACUUM FULL, CLUSTER, TRUNCATE or an ALTER that rewrites it: its rows lie in other places now.",
    still: "Nothing was written on the target.",
    hint: "Which of today's rows a former value belongs to can't be told by its place any more: restore a copy beside, and compare by key, by hand.",
    wayOn: "abandon",
  });
}

function tellOf({ watch, names }: Reading, done: number, note: string): void {
  watch.signal.throwIfAborted();
  watch.progress({ done, total: names.length, unit: "tables", note });
}

/** What any of the statement's transactions made is its own, and comes back from none of them. */
function ofStatement({ surveyed, statement }: Reading): readonly string[] {
  return commitsOf(surveyed, statement).flatMap(({ xid, subs }) => [xid, ...subs].map(String));
}

/** Places mean something only in the file that they were read from. */
async function takenInPlace(
  after: Connection,
  table: ReadTable,
  known: LoggedTraces,
  files: Files,
  { values }: Statement,
): Promise<Taken> {
  const taken = values ? changedByPlace : takenByPlace;
  if ((await fileOf(after, table)) === table.file) return taken(after, table, known.of(table.file), files);
  throw new Fault("HF-CLONE-REWRITTEN", `the transaction also gave ${table.table} a new file`, {
    exit: "refused",
    still: "Nothing was written on the target.",
    hint: "Begin anew and choose it as rewrite:<its id> in the list of statements.",
  });
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

/** What fails because the signal ended its server is the signal's doing. `forGood`: whether, after what the work gave, it is not started again. */
async function whileOpen<T>(
  paused: Paused,
  { signal }: Watch,
  forGood: boolean | ((done: T) => boolean),
  work: () => Promise<T>,
): Promise<T> {
  let isEnd = false;
  try {
    const done = await work();
    isEnd = typeof forGood === "boolean" ? forGood : forGood(done);
    return done;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    await paused.stop(isEnd);
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

/** `to`: what the commit took; `all`: what all of them did. */
interface TableFiles extends Files {
  readonly all: string;
}

/** What a group took lies in a file for each commit first. */
export function filesOf({ clone, names, statement }: Reading, table: TableName, nth = 0): TableFiles {
  const place = path.join(clonePlaces(clone.folder).rows, `t${names.indexOf(table) + 1}`);
  const all = `${place}.copy`;
  return { from: `${place}.before`, to: statement.kind === "group" ? `${all}.${nth}` : all, all };
}
