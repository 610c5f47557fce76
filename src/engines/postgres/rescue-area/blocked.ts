import type { ForeignKey, UniqueKey } from "../catalogue.ts";
import type { ConflictKind } from "../../rescue-area.ts";
import type { Connection } from "../connection.ts";
import {
  type Comparison,
  hasParent,
  isKeyed,
  isParent,
  isPresent,
  isTaken,
  keyColumns,
  placeInIndex,
  refers,
  waitingParents,
} from "./comparison.ts";

/** Why a rescued row that is not in its table can't be merged as it is. `name`: the index or the foreign key. */
export interface Reason {
  readonly kind: "removed" | "duplicate" | "unique" | "parent-left-out" | "orphan";
  readonly name: string;
  readonly rows: number;
}

/** The tables of which some rescued rows can't be merged: only these have a list of them. Holds for the transaction that looked. */
export type Blocked = ReadonlySet<Comparison>;

/** A temporary table per rescued one: ordinal, kind and name of what stands against the row. Gone when the transaction ends. */
function listOf({ area }: Comparison): string {
  return `pg_temp.holdfast_blocked_${area.rows.slice(area.rows.indexOf(".") + 2)}`;
}

/**
 * Finds every rescued row that can't be merged, over all tables at once: a child whose rescued parent can't be merged has no parent
 * either, which goes on until no more are found. Rows that are in their table are none of these.
 */
export async function findBlocked(
  connection: Connection,
  all: readonly Comparison[],
  decided: readonly ConflictKind[] = [],
): Promise<Blocked> {
  const search: Search = { connection, all, blocked: new Set() };
  for (const one of all) await dropList(connection, one);
  if (!decided.includes("removed-since")) for (const one of all) await findRemoved(search, one);
  for (const one of all) await findDuplicates(search, one);
  for (const one of all) for (const key of one.others) await findTaken(search, one, key);
  let found: boolean;
  do {
    found = false;
    for (const one of all) for (const key of one.foreignKeys) found = (await findOrphans(search, one, key)) || found;
  } while (found);
  return search.blocked;
}

interface Search {
  readonly connection: Connection;
  readonly all: readonly Comparison[];
  readonly blocked: Set<Comparison>;
}

interface Against {
  readonly doing: string;
  readonly kind: Reason["kind"];
  readonly name: string;
  /** Gives the ordinals as `n`. */
  readonly select: string;
}

/**
 * Usually there is none, and only a query that writes nothing may be answered by several processes of the server at once: so it asks first
 * whether there is any. True when rows were noted that had not been.
 */
async function noteRows(search: Search, one: Comparison, { doing, kind, name, select }: Against): Promise<boolean> {
  const { connection, blocked } = search;
  if (!blocked.has(one)) {
    const { some } = await connection.row(doing, `select (count(*) > 0)::text as some from (${select}) as found`);
    if (some !== "true") return false;
    await makeList(connection, one);
    blocked.add(one);
  }
  const insert = `insert into ${listOf(one)} select found.n, $1, $2 from (${select}) as found on conflict do nothing`;
  return (await connection.run(doing, insert, [kind, name])) > 0;
}

const listing = "making a temporary table";

function dropList(connection: Connection, one: Comparison): Promise<number> {
  return connection.run(listing, `drop table if exists ${listOf(one)}`);
}

function makeList(connection: Connection, one: Comparison): Promise<number> {
  const name = listOf(one).slice("pg_temp.".length);
  const columns = "n bigint primary key, kind text not null, name text not null";
  return connection.run(listing, `create temporary table ${name} (${columns}) on commit drop`);
}

/** Whose key was made again and removed again: that was meant, as far as anybody can tell. */
async function findRemoved(search: Search, one: Comparison): Promise<void> {
  if (!isKeyed(one)) return;
  const { removed, ordinal, rows } = one.area;
  const doing = `looking for rows of ${rows} that were removed since`;
  const select = `select r.${ordinal} as n from ${one.rescued} where r.${ordinal} in (select ${ordinal} from ${removed}) and not ${isPresent(one)}`;
  await noteRows(search, one, { doing, kind: "removed", name: "", select });
}

/** The first in key order stands for the others. Rescued rows do not change, so that there are none is known since they were stored. */
async function findDuplicates(search: Search, one: Comparison): Promise<void> {
  if (!isKeyed(one) || (one.area.filled?.duplicates === 0 && one.area.filled.key === one.key.name)) return;
  const { ordinal } = one.area;
  const by = keyColumns(one).map((column) => `r.${column.quoted}`);
  const doing = `looking for duplicates in ${one.area.rows}`;
  const select = `select d.n from (select r.${ordinal} as n, row_number() over (partition by ${by.join(", ")} order by r.${ordinal}) as nth
      from ${one.rescued}) as d where d.nth > 1`;
  await noteRows(search, one, { doing, kind: "duplicate", name: one.key.name, select });
}

/** Taken by a row of the table, or claimed by two rescued ones: then the first has it. */
async function findTaken(search: Search, one: Comparison, key: UniqueKey): Promise<void> {
  const { ordinal } = one.area;
  const doing = `comparing ${one.area.rows} with the unique index ${key.name}`;
  const against = { doing, kind: "unique" as const, name: key.name };
  const byTable = `select r.${ordinal} as n from ${one.rescued} where not ${isPresent(one)} and ${isTaken(one, key)}`;
  await noteRows(search, one, { ...against, select: byTable });
  // All rescued rows of one statement stood beside each other; where the server refuses one of a group, the batch goes on around it.
  if (key.excludes) return;
  const place = placeInIndex(one, key);
  const byRescued = `select d.n from (
      select r.${ordinal} as n, row_number() over (partition by ${place.by} order by r.${ordinal}) as nth from ${one.rescued}
      where ${place.where} and not ${isPresent(one)} and ${notBlocked(search.blocked, one, "r")}) as d where d.nth > 1`;
  await noteRows(search, one, { ...against, select: byRescued });
}

/** A parent that was rescued and is blocked is told from one that is nowhere: who reads it has to look in another place. */
async function findOrphans(search: Search, one: Comparison, key: ForeignKey): Promise<boolean> {
  const { all, blocked } = search;
  const parents = waitingParents(key, all);
  const waiting = parents.map(
    (parent) =>
      `and not exists (select from ${parent.area.rows} as p where ${isParent(key, "r")} and ${notBlocked(blocked, parent, "p")})`,
  );
  const doing = `looking for parents of ${one.area.rows} by ${key.name}`;
  const select = `select r.${one.area.ordinal} as n from ${one.rescued}
    where ${refers(key, "r")} and not ${isPresent(one)} and ${notBlocked(blocked, one, "r")} and not ${hasParent(key, "r")}
    ${waiting.join(" ")}`;
  const leftOut = parents.filter((parent) => blocked.has(parent));
  const rescued = leftOut.map(({ area }) => `exists (select from ${area.rows} as p where ${isParent(key, "r")})`);
  const byRescued = `${select} and (${rescued.join(" or ")})`;
  const found =
    rescued.length > 0 &&
    (await noteRows(search, one, { doing, kind: "parent-left-out", name: key.name, select: byRescued }));
  return (await noteRows(search, one, { doing, kind: "orphan", name: key.name, select })) || found;
}

/** The rescued row under `alias` is none of the blocked ones. */
export function notBlocked(blocked: Blocked, one: Comparison, alias: string): string {
  if (!blocked.has(one)) return "true";
  return `not exists (select from ${listOf(one)} as b where b.n = ${alias}.${one.area.ordinal})`;
}

/** How many rows each reason keeps out; `where` may narrow it, on the rescued row `r`. */
export async function reasons(
  connection: Connection,
  blocked: Blocked,
  one: Comparison,
  where: string,
): Promise<readonly Reason[]> {
  if (!blocked.has(one)) return [];
  const sql = `select b.kind, b.name, count(*)::text as rows from ${listOf(one)} as b
    join ${one.rescued} on r.${one.area.ordinal} = b.n where ${where} group by 1, 2 order by 1, 2`;
  const found = await connection.rows(`counting what stands against rows of ${one.area.rows}`, sql);
  return found.map((row) => ({
    kind: row["kind"] as Reason["kind"],
    name: row["name"] ?? "",
    rows: Number(row["rows"]),
  }));
}
