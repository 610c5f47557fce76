import type { Statement } from "../../../evidence.ts";
import { plural } from "../say.ts";
import type { FullXid } from "../xid.ts";
import type { Commit } from "./commits.ts";
import type { Deleter } from "./scan.ts";
import { changesOf, movedBy } from "./scan.ts";
import { bounds, type Candidate, committed, groupsOf, mostOf, type OnPages, recounted, sumOf } from "./statements.ts";

/** Of the many that update rows every minute only these are offered; any other can be written by its ids. */
export const mostOffered = 6;
/** Rounds of a loop, rather than what the application does all day. */
const leastInGroup = 50;

/**
 * Committed transactions that changed rows, as statements of their own: what comes back are the values before. The largest, and the loops
 * among them. How many rows of others each changed is counted by a second reading: here it is at most so many.
 */
export function updateCandidates(
  commits: readonly Commit[],
  deleters: ReadonlyMap<FullXid, Deleter>,
): readonly Candidate[] {
  const singles = commits
    .map((commit) => updateOf(commit, deleters))
    .filter((one) => mostOf(one) > 0)
    .toSorted((a, b) => mostOf(b) - mostOf(a));
  const groups = groupsOf(singles.filter((one) => mostOf(one) >= leastInGroup)).map((group): Statement => ({
    ...group,
    value: `update:${group.value}`,
    values: true,
  }));
  return [...groups, ...singles.slice(0, mostOffered)].map(inexact);
}

function updateOf(commit: Commit, deleters: ReadonlyMap<FullXid, Deleter>): Statement {
  const { statement } = committed(commit, new Map(), new Map());
  const changed = new Map<string, number>();
  let moved = 0;
  for (const xid of [commit.top, ...commit.subs]) {
    const deleter = deleters.get(xid);
    moved += deleter ? movedBy(deleter) : 0;
    for (const [table, rows] of deleter ? changesOf(deleter) : []) changed.set(table, (changed.get(table) ?? 0) + rows);
  }
  const counts = sumOf([...changed].map(([table, rows]) => bounds(table, 0, rows)));
  const named: Statement = { ...recounted(statement, counts), value: `update:${statement.value}`, values: true };
  return moved === 0 ? named : { ...named, uncounted: movedWords(moved) };
}

/** Where such a row went is written nowhere in the version that it left behind. */
function movedWords(moved: number): string {
  return `it moved ${plural(moved, "row")} to another partition: they are not among these, and stay as it left them.`;
}

function inexact(statement: Statement): Candidate {
  return { statement, exact: false, logged: new Map(), onPages: [] };
}

/** With what the pages still show of it; more than that the log may have. What it changed more than once counts once, as far as they show it. */
export function countedUpdate(statement: Statement, onPages: readonly OnPages[]): Statement {
  const tables = statement.tables.map((one) => {
    const { rows = 0, own = 0 } = onPages.find(({ table }) => table === one.table) ?? {};
    return bounds(one.table, rows, Math.max(rows, mostOf(one) - own));
  });
  return recounted(statement, sumOf(tables));
}
