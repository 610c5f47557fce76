import type { Statement, StatementQuery } from "../../../evidence.ts";
import { type Families, movedInto } from "../pages/untold.ts";
import type { FullXid } from "../xid.ts";
import type { Commit } from "./commits.ts";
import type { OpenDeleter } from "./deleters.ts";
import type { Deleter, Logged } from "./scan.ts";

/** A statement, and whether what the pages say at once is already the exact number. */
export interface Candidate {
  readonly statement: Statement;
  readonly exact: boolean;
  /** By table, whatever is left of it on the pages. */
  readonly logged: ReadonlyMap<string, Logged>;
  readonly onPages: readonly OnPages[];
}

/** Of one table, as the pages tell it. `own`: what it had made itself and deleted. */
export interface OnPages {
  readonly table: string;
  readonly rows: number;
  readonly own?: number;
  readonly moved?: number;
}

type Counts = Pick<Statement, "rows" | "most" | "tables">;

/** One committed transaction as a candidate. */
export function committed(commit: Commit, deleters: ReadonlyMap<FullXid, Deleter>, families: Families): Candidate {
  const members = [commit.top, ...commit.subs];
  const logged = together(members.map((xid) => deleters.get(xid)?.logged ?? new Map<string, Logged>()));
  const onPages = countsOf(members, deleters).tables;
  const statement: Statement = {
    value: String(commit.top),
    kind: "one",
    transactions: [String(commit.top)],
    subtransactions: commit.subs.map(String),
    ...(commit.position === undefined ? {} : { positions: [commit.position] }),
    at: commit.at,
    until: commit.at,
    ...larger(onPages, logged, families),
    doubts: doubtsOf(commit),
    who: null,
  };
  return { statement, exact: isExact(members, deleters), logged, onPages };
}

/** One that is still open: nothing is lost yet. */
export function stillOpen(open: OpenDeleter, deleters: ReadonlyMap<FullXid, Deleter>): Candidate {
  const counts = countsOf(open.members, deleters);
  const statement: Statement = {
    value: open.value,
    kind: open.kind,
    transactions: [String(open.top)],
    subtransactions: open.members.filter((xid) => xid !== open.top).map(String),
    at: open.since,
    until: null,
    ...counts,
    doubts: ["It has not ended: it may delete more, or give up."],
    who: open.who,
  };
  return { statement, exact: isExact(open.members, deleters), logged: new Map(), onPages: counts.tables };
}

export function countsOf(members: readonly FullXid[], deleters: ReadonlyMap<FullXid, Deleter>) {
  const tables = new Map<string, number>();
  for (const xid of members)
    for (const [table, rows] of deleters.get(xid)?.ended ?? []) tables.set(table, (tables.get(table) ?? 0) + rows);
  return sumOf([...tables].map(([table, rows]) => ({ table, rows })));
}

const nothing: Logged = { deleted: 0, inserted: 0, moved: 0 };

/** By table, over all of them. */
export function together(all: readonly ReadonlyMap<string, Logged>[]): ReadonlyMap<string, Logged> {
  const sum = new Map<string, Logged>();
  for (const [table, { deleted, inserted, moved }] of all.flatMap((one) => [...one])) {
    const so = sum.get(table) ?? nothing;
    sum.set(table, {
      deleted: so.deleted + deleted,
      inserted: so.inserted + inserted,
      moved: so.moved + moved,
    });
  }
  return sum;
}

/**
 * For each table the larger truth: the pages may have lost rows, and the log does not reach back for ever. What it inserted it may have
 * deleted itself: so much less is sure. At most it is what the log has of its deletes, without those that the pages show to be of rows
 * that it had made; what it moved to another partition may look there like a row that it made.
 */
export function larger(onPages: readonly OnPages[], logged: ReadonlyMap<string, Logged>, families: Families): Counts {
  const pages = new Map(onPages.map((one) => [one.table, one]));
  const names = [...new Set([...pages.keys(), ...logged.keys()])];
  const movedIn = (table: string) => Math.max(pages.get(table)?.moved ?? 0, logged.get(table)?.moved ?? 0);
  const moved = names.map((table) => ({ table, moved: movedIn(table) }));
  return sumOf(
    names.map((table) => {
      const { rows = 0, own = 0 } = pages.get(table) ?? {};
      const { deleted, inserted } = logged.get(table) ?? nothing;
      const ownForSure = Math.max(0, own - movedInto(table, moved, families));
      return bounds(table, Math.max(rows, deleted - inserted), deleted - ownForSure);
    }),
  );
}

export function bounds(table: string, rows: number, most: number): Statement["tables"][number] {
  return most > rows ? { table, rows, most } : { table, rows };
}

export function sumOf(tables: Statement["tables"]): Counts {
  const kept = tables.filter((one) => mostOf(one) > 0);
  const rows = kept.reduce((sum, one) => sum + one.rows, 0);
  const most = kept.reduce((sum, one) => sum + mostOf(one), 0);
  return { rows, ...(most > rows ? { most } : {}), tables: kept };
}

export function mostOf({ rows, most = rows }: Pick<Statement, "rows" | "most">): number {
  return most;
}

/** The same statement with other numbers. */
export function recounted(statement: Statement, counts: Counts): Statement {
  const { most: _before, ...rest } = statement;
  return { ...rest, ...counts };
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

const [mostListed, leastInDoubt, fewestInGroup] = [20, 6, 3];
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
  return near && mostOf(one) <= mostOf(first) * 2 && mostOf(last) * 2 >= mostOf(first);
}

function groupOf(run: readonly Statement[]): Statement {
  const tables = new Map<string, Statement["tables"][number]>();
  for (const one of run.flatMap(({ tables: each }) => each)) {
    const { table } = one;
    const so = tables.get(table) ?? { table, rows: 0 };
    tables.set(table, bounds(table, so.rows + one.rows, mostOf(so) + mostOf(one)));
  }
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
    ...sumOf([...tables.values()]),
    doubts: [
      `${ids.length} transactions taken together because they are alike: same table, one after the other, similar size. A row that several of them took comes back once, as the last of them took it.`,
      ...new Set(run.flatMap(({ doubts }) => doubts)),
    ],
    who: null,
  };
}

/**
 * The largest first; at most 20, so that a choice can be read. Neither those that surely took rows nor those that may have taken many more
 * push the others out.
 */
export function listed<T extends Pick<Statement, "rows" | "most">>(statements: readonly T[]): readonly T[] {
  const inDoubt = statements.filter(({ most }) => most !== undefined).toSorted((a, b) => mostOf(b) - mostOf(a));
  const kept = new Set(inDoubt.slice(0, leastInDoubt));
  for (const one of statements.toSorted((a, b) => b.rows - a.rows)) if (kept.size < mostListed) kept.add(one);
  return [...kept].toSorted((a, b) => b.rows - a.rows || mostOf(b) - mostOf(a));
}
