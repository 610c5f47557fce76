import type { ForeignKey, UniqueKey } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import {
  type Comparison,
  hasParent,
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
  readonly kind: "duplicate" | "unique" | "orphan";
  readonly name: string;
  readonly rows: number;
}

/** A temporary table per rescued one: ordinal, kind and name of what stands against the row. Gone when the transaction ends. */
export function blockedTable({ area }: Comparison): string {
  return `pg_temp.holdfast_blocked_${area.rows.slice(area.rows.indexOf(".") + 2)}`;
}

/**
 * Finds every rescued row that can't be merged, over all tables at once: a child whose rescued parent can't be merged has no parent
 * either, which goes on until no more are found. Rows that are in their table are none of these.
 */
export async function findBlocked(connection: Connection, all: readonly Comparison[]): Promise<void> {
  for (const one of all) await makeTable(connection, one);
  for (const one of all) await findDuplicates(connection, one);
  for (const one of all) for (const key of one.others) await findTaken(connection, one, key);
  let found: number;
  do {
    found = 0;
    for (const one of all) for (const key of one.foreignKeys) found += await findOrphans(connection, one, key, all);
  } while (found > 0);
}

async function makeTable(connection: Connection, one: Comparison): Promise<void> {
  const doing = "making a temporary table";
  const name = blockedTable(one);
  await connection.run(doing, `drop table if exists ${name}`);
  await connection.run(
    doing,
    `create temporary table ${name.slice("pg_temp.".length)} (n bigint primary key, kind text not null, name text not null) on commit drop`,
  );
}

/** The first in key order stands for the others. */
async function findDuplicates(connection: Connection, one: Comparison): Promise<void> {
  const { ordinal } = one.area;
  const by = keyColumns(one).map((column) => `r.${column.quoted}`);
  const sql = `insert into ${blockedTable(one)} select d.n, 'duplicate', $1 from (
      select r.${ordinal} as n, row_number() over (partition by ${by.join(", ")} order by r.${ordinal}) as nth
      from ${one.rescued}) as d where d.nth > 1`;
  await connection.run(`looking for duplicates in ${one.area.rows}`, sql, [one.key.name]);
}

/** Taken by a row of the table, or claimed by two rescued ones: then the first has it. */
async function findTaken(connection: Connection, one: Comparison, key: UniqueKey): Promise<void> {
  const { ordinal } = one.area;
  const doing = `comparing ${one.area.rows} with the unique index ${key.name}`;
  const into = `insert into ${blockedTable(one)} select`;
  const table = `${into} r.${ordinal}, 'unique', $1 from ${one.rescued}
    where not ${isPresent(one)} and ${isTaken(one, key)} on conflict do nothing`;
  await connection.run(doing, table, [key.name]);
  const place = placeInIndex(one, key);
  const among = `${into} d.n, 'unique', $1 from (
      select r.${ordinal} as n, row_number() over (partition by ${place.by} order by r.${ordinal}) as nth from ${one.rescued}
      where ${place.where} and not ${isPresent(one)} and ${notBlocked(one, "r")}) as d where d.nth > 1 on conflict do nothing`;
  await connection.run(doing, among, [key.name]);
}

async function findOrphans(
  connection: Connection,
  one: Comparison,
  key: ForeignKey,
  all: readonly Comparison[],
): Promise<number> {
  const waiting = waitingParents(key, all).map(
    (parent) =>
      `and not exists (select from ${parent.area.rows} as p where ${isParent(key, "r")} and ${notBlocked(parent, "p")})`,
  );
  const sql = `insert into ${blockedTable(one)} select r.${one.area.ordinal}, 'orphan', $1 from ${one.rescued}
    where ${refers(key, "r")} and not ${isPresent(one)} and ${notBlocked(one, "r")} and not ${hasParent(key, "r")}
    ${waiting.join(" ")} on conflict do nothing`;
  return connection.run(`looking for parents of ${one.area.rows} by ${key.name}`, sql, [key.name]);
}

/** The rescued row under `alias` is none of the blocked ones. */
export function notBlocked(one: Comparison, alias: string): string {
  return `not exists (select from ${blockedTable(one)} as b where b.n = ${alias}.${one.area.ordinal})`;
}

/** How many rows each reason keeps out; `where` may narrow it, on the rescued row `r`. */
export async function reasons(connection: Connection, one: Comparison, where: string): Promise<readonly Reason[]> {
  const sql = `select b.kind, b.name, count(*)::text as rows from ${blockedTable(one)} as b
    join ${one.rescued} on r.${one.area.ordinal} = b.n where ${where} group by 1, 2 order by 1, 2`;
  const found = await connection.rows(`counting what stands against rows of ${one.area.rows}`, sql);
  return found.map((row) => ({
    kind: row["kind"] as Reason["kind"],
    name: row["name"] ?? "",
    rows: Number(row["rows"]),
  }));
}
