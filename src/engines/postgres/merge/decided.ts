import type { ConflictKind } from "../../rescue-area.ts";
import { type Column, fromTable } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { isPresent, isSameRow, type Keyed, sameIdentity, sameKey } from "../rescue-area/comparison.ts";
import { conflictSql } from "../rescue-area/conflicts.ts";
import { setLocally } from "../rescue-area/settings.ts";
import { withoutReferrers, withParents } from "./parents.ts";
import { writeHalved } from "./halving.ts";
import type { Range } from "./range.ts";
import { asBefore, byIndex } from "./refused.ts";
import { insertSql, type Scope } from "./statements.ts";

export interface Overwriting {
  readonly connection: Connection;
  readonly one: Keyed;
  readonly path: string;
  readonly decided: readonly ConflictKind[];
  /** Ordinals that the merge has dealt with by itself. */
  readonly except: readonly number[];
  /** Triggers are skipped, and foreign keys with them. */
  readonly skips: boolean;
}

/** What was decided about rows in conflict, within a batch; gives the ordinals of those that were written. */
export async function writeDecided(job: Overwriting, range: Range): Promise<readonly number[]> {
  const written: number[] = [];
  if (job.decided.some((kind) => kind === "remade" || kind === "changed-since"))
    written.push(...(await overwriteByKey(job, range)));
  if (job.decided.includes("gone")) written.push(...(await insertGone(job, range)));
  return written;
}

/** As they are sent, for a preview. */
export function decidedStatements(one: Keyed, decided: readonly ConflictKind[], skips: boolean): readonly string[] {
  const byKey = decided.some((kind) => kind === "remade" || kind === "changed-since");
  return [
    ...(byKey ? [presentSql(one, skips), overwriteSql(one)] : []),
    ...(decided.includes("gone") ? [insertSql(alone(one), "listed")] : []),
  ];
}

function alone(one: Keyed): Scope {
  return { one, all: [], selfKeys: [], circleKeys: [], decided: [] };
}

interface Present {
  readonly n: string;
  readonly relation: string;
  readonly place: string;
}

/** Only what is still as the safety copy has it; locked before it is written. */
async function overwriteByKey(job: Overwriting, range: Range): Promise<readonly number[]> {
  const { connection, one, path, except, skips } = job;
  const doing = `overwriting rows of ${one.area.table}`;
  await setLocally(connection, byIndex);
  const look = () => connection.rows(doing, presentSql(one, skips), [range.after, range.upTo, except.map(String)]);
  if (skips) await look(); // locked now: what the second look sees of others is the last word
  const found = await look();
  await setLocally(connection, asBefore);
  const present = found.map((row): Present => ({
    n: row["n"] ?? "",
    relation: row["relation"] ?? "",
    place: row["place"] ?? "",
  }));
  const write = async (rows: readonly Present[]) => {
    const given = [rows.map(({ n }) => n), rows.map(({ relation }) => relation), rows.map(({ place }) => place)];
    return (await connection.rows(doing, overwriteSql(one), given)).map(({ n }) => Number(n));
  };
  return writeHalved({ connection, one, doing, path, write }, present);
}

/** `$1` and `$2` are ordinals of the rescue area, `$3` those that need nothing. */
function presentSql(one: Keyed, skips: boolean): string {
  const { area } = one;
  return [
    `select r.${area.ordinal}::text as n, t.tableoid::text as relation, t.ctid::text as place from ${area.rows} as r`,
    `join ${area.overwritten} as o on o.${area.ordinal} = r.${area.ordinal}`,
    `join ${fromTable(area.shape)} as t on ${sameKey(one, "t")}`,
    `where r.${area.ordinal} > $1 and r.${area.ordinal} <= $2 and r.${area.ordinal} <> all ($3::bigint[])`,
    `and ${isSameRow(one, "o", "t")} and not (${isSameRow(one, "r", "t")}) ${withParents(one)}`,
    `and ${sameIdentity(one, "r", "t")} ${withoutReferrers(one, "t", skips)}`,
    `order by r.${area.ordinal} for update of t`,
  ].join("\n");
}

/** Nothing in it is looked for by the user's path. */
function overwriteSql({ area, columns }: Keyed): string {
  const given = ["int8", "oid", "tid"].map((type, at) => `pg_catalog.unnest($${at + 1}::pg_catalog.${type}[])`);
  return [
    `update ${fromTable(area.shape)} as t set ${setList(columns)}`,
    `from rows from (${given.join(", ")}) as x (n, relation, place), ${area.rows} as r`,
    `where r.${area.ordinal} operator(pg_catalog.=) x.n and t.tableoid operator(pg_catalog.=) x.relation and t.ctid operator(pg_catalog.=) x.place`,
    `returning r.${area.ordinal}::pg_catalog.text as n`,
  ].join("\n");
}

/** All columns that can be written: which of them differ the server itself sees. */
export function setList(columns: readonly Column[]): string {
  return columns
    .filter(isWritten)
    .map(({ quoted }) => `${quoted} = r.${quoted}`)
    .join(", ");
}

/** An identity that is always the server's own can't be written: rows that differ in it are never chosen. */
function isWritten({ identity, generated }: Column): boolean {
  return identity !== "a" && generated === "";
}

/** Rows that were not there any more when the safety copy was taken, put in as they were: who goes later was meant to, as far as was decided. */
async function insertGone({ connection, one, path, except }: Overwriting, range: Range): Promise<readonly number[]> {
  const gone = conflictSql(one, "gone");
  if (gone === null) return [];
  const { ordinal, table } = one.area;
  const doing = `putting rows of ${table} in again`;
  const isIn = (place: string) => `exists (select from ${place} as x where x.${ordinal} = r.${ordinal})`;
  const bounds = `r.${ordinal} > $1 and r.${ordinal} <= $2 and r.${ordinal} <> all ($3::bigint[])
    and not ${isIn(one.area.leftOut)} and not ${isIn(one.area.overwritten)}`;
  const sql = `select r.${ordinal}::text as n from ${gone.from} where ${bounds} and ${gone.where} ${withParents(one)} order by r.${ordinal}`;
  await setLocally(connection, byIndex);
  const found = await connection.rows(doing, sql, [range.after, range.upTo, except.map(String)]);
  await setLocally(connection, asBefore);
  const insert = insertSql(alone(one), "listed");
  const write = async (rows: readonly number[]) => {
    await connection.run(doing, insert, [range.after, range.upTo, rows.map(String)]);
    return rows;
  };
  const inserted = await writeHalved(
    { connection, one, doing, path, write },
    found.map(({ n }) => Number(n)),
  );
  const there = `select r.${ordinal}::text as n from ${one.rescued} where r.${ordinal} = any ($1::bigint[]) and ${isPresent(one)}`;
  return (await connection.rows(doing, there, [inserted.map(String)])).map(({ n }) => Number(n));
}
