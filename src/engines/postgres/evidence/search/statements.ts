import type { Statement, StatementQuery } from "../../../evidence.ts";
import type { FullXid } from "../xid.ts";
import type { Commit } from "./commits.ts";
import type { OpenDeleter } from "./deleters.ts";
import type { Deleter } from "./scan.ts";

/** A statement, and whether what the pages say at once is already the exact number. */
export interface Candidate {
  readonly statement: Statement;
  readonly exact: boolean;
  /** Rows by table that the log proves it took, whatever is left of them on the pages. */
  readonly logged: ReadonlyMap<string, number>;
}

/** One committed transaction as a candidate. */
export function committed(commit: Commit, deleters: ReadonlyMap<FullXid, Deleter>): Candidate {
  const members = [commit.top, ...commit.subs];
  const logged = loggedOf(members, deleters);
  const statement: Statement = {
    value: String(commit.top),
    kind: "one",
    transactions: [String(commit.top)],
    subtransactions: commit.subs.map(String),
    ...(commit.position === undefined ? {} : { positions: [commit.position] }),
    at: commit.at,
    until: commit.at,
    ...larger(countsOf(members, deleters).tables, logged),
    doubts: doubtsOf(commit),
    who: null,
  };
  return { statement, exact: isExact(members, deleters), logged };
}

/** One that is still open: nothing is lost yet. */
export function stillOpen(open: OpenDeleter, deleters: ReadonlyMap<FullXid, Deleter>): Candidate {
  const statement: Statement = {
    value: open.value,
    kind: open.kind,
    transactions: [String(open.top)],
    subtransactions: open.members.filter((xid) => xid !== open.top).map(String),
    at: open.since,
    until: null,
    ...countsOf(open.members, deleters),
    doubts: ["It has not ended: it may delete more, or give up."],
    who: open.who,
  };
  return { statement, exact: isExact(open.members, deleters), logged: new Map() };
}

export function countsOf(members: readonly FullXid[], deleters: ReadonlyMap<FullXid, Deleter>) {
  const tables = new Map<string, number>();
  for (const xid of members)
    for (const [table, rows] of deleters.get(xid)?.ended ?? []) tables.set(table, (tables.get(table) ?? 0) + rows);
  return sumOf([...tables].map(([table, rows]) => ({ table, rows })));
}

/** What it inserted itself it may have deleted itself: that much is left out. */
function loggedOf(members: readonly FullXid[], deleters: ReadonlyMap<FullXid, Deleter>): ReadonlyMap<string, number> {
  const sum = new Map<string, number>();
  for (const xid of members)
    for (const [table, { deleted, inserted }] of deleters.get(xid)?.logged ?? [])
      sum.set(table, (sum.get(table) ?? 0) + deleted - inserted);
  return new Map([...sum].filter(([, rows]) => rows > 0));
}

/** For each table the larger truth: the pages may have lost rows, and the log does not reach back for ever. */
export function larger(
  onPages: Statement["tables"],
  logged: ReadonlyMap<string, number>,
): Pick<Statement, "rows" | "tables"> {
  const tables = new Map(onPages.map(({ table, rows }) => [table, rows]));
  for (const [table, rows] of logged) tables.set(table, Math.max(rows, tables.get(table) ?? 0));
  return sumOf([...tables].map(([table, rows]) => ({ table, rows })));
}

export function sumOf(tables: Statement["tables"]): Pick<Statement, "rows" | "tables"> {
  const kept = tables.filter(({ rows }) => rows > 0);
  return { rows: kept.reduce((sum, { rows }) => sum + rows, 0), tables: kept };
}

/** Without updates of its own, and with no maker as young as itself, each version that it ended is a row of somebody else's. */
function isExact(members: readonly FullXid[], deleters: ReadonlyMap<FullXid, Deleter>): boolean {
  const oldest = Math.min(...members);
  return members.every((xid) => {
    const deleter = deleters.get(xid);
    return !deleter || (deleter.replaced === 0 && deleter.youngestMaker < oldest);
  });
}

/** In the span of time that is asked for; what has no known time, or has not ended, is never left out. */
export function isWithin({ at, kind }: Statement, { since, until }: StatementQuery): boolean {
  if (at === null || kind === "open" || kind === "prepared") return true;
  const time = Date.parse(`${at.replace(" ", "T")}Z`);
  return (since === undefined || time >= Date.parse(since)) && (until === undefined || time <= Date.parse(until) + 999);
}

/** Doubts that end where a COMMIT record is found after all. */
export const savepointDoubts: Readonly<Record<"untold" | "byTime", string>> = {
  untold:
    "The log and commit times do not reach it: parts under savepoints may be listed as transactions of their own.",
  byTime: "Its savepoints are told by an equal commit time, not by the log.",
};

function doubtsOf({ knownFrom, subs }: Commit): readonly string[] {
  if (knownFrom === "log") return [];
  if (knownFrom === "nothing") return [savepointDoubts.untold];
  return subs.length > 0 ? [savepointDoubts.byTime] : [];
}

const [mostListed, fewestInGroup] = [20, 3];
const gapMs = 60_000;
const gapXids = 10_000;

/** The usual loop of small DELETEs in autocommit: neighbours in time that hit the same tables in similar numbers, with their sum. */
export function groupsOf(singles: readonly Statement[]): readonly Statement[] {
  const inOrder = singles.filter(({ kind }) => kind === "one").toSorted((a, b) => firstXid(a) - firstXid(b));
  const runs = new Map<string, Statement[][]>();
  for (const one of inOrder) {
    const key = one.tables[0]?.table ?? "";
    const all = runs.get(key) ?? [];
    const last = all.at(-1);
    const [before] = last?.length === 2 ? last.slice(1) : [];
    if (last && belongs(last, one)) last.push(one);
    // Taken for the last round of a larger one, it was the first of a loop.
    else if (last && before && belongs([before], one)) all.push([...last.splice(1), one]);
    else all.push([one]);
    runs.set(key, all);
  }
  return [...runs.values()]
    .flat()
    .filter((run) => run.length >= fewestInGroup)
    .map(groupOf);
}

function firstXid(statement: Statement): number {
  return Number(statement.transactions[0]);
}

function belongs(run: readonly Statement[], one: Statement): boolean {
  const [first, last] = [run[0], run.at(-1)];
  if (!first || !last) return false;
  const near =
    last.at !== null && one.at !== null
      ? Date.parse(`${one.at}Z`) - Date.parse(`${last.at}Z`) <= gapMs
      : firstXid(one) - firstXid(last) <= gapXids;
  // The last round of a loop is smaller; nothing follows it.
  return near && one.rows <= first.rows * 2 && last.rows * 2 >= first.rows;
}

function groupOf(run: readonly Statement[]): Statement {
  const tables = new Map<string, number>();
  for (const { table, rows } of run.flatMap((one) => one.tables)) tables.set(table, (tables.get(table) ?? 0) + rows);
  const ids = run.flatMap(({ transactions }) => transactions);
  return {
    value: ids.length <= 12 ? ids.join("+") : `group:${ids[0]}-${ids.at(-1)}x${ids.length}`,
    kind: "group",
    transactions: ids,
    subtransactions: run.flatMap(({ subtransactions }) => subtransactions),
    parents: run.flatMap(({ subtransactions, transactions }) => subtransactions.map(() => transactions[0] ?? "")),
    ...(run.every(({ positions }) => positions) ? { positions: run.flatMap(({ positions }) => positions ?? []) } : {}),
    at: run[0]?.at ?? null,
    until: run.at(-1)?.at ?? null,
    ...sumOf([...tables].map(([table, rows]) => ({ table, rows }))),
    doubts: [
      `${ids.length} transactions taken together because they are alike: same table, one after the other, similar size. A row that several of them took comes back once, as the last of them took it.`,
      ...new Set(run.flatMap(({ doubts }) => doubts)),
    ],
    who: null,
  };
}

/** The largest first; at most 20, so that a choice can be read. */
export function listed<T extends { readonly rows: number }>(statements: readonly T[]): readonly T[] {
  return statements.toSorted((a, b) => b.rows - a.rows).slice(0, mostListed);
}
