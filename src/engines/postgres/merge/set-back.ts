import type { Limits, Transaction } from "../../engine.ts";
import type { MergedBatch, MergeTable } from "../../merge.ts";
import type { ConflictKind } from "../../rescue-area.ts";
import { fromTable, tableShape } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { areaOf, areaTables, plannedArea } from "../rescue-area/area.ts";
import { isSameRow, type Keyed, sameIdentity } from "../rescue-area/comparison.ts";
import { setLocally } from "../rescue-area/settings.ts";
import { assertSameFile, keyedValues, rescuedWithPlace, settable, stillThere } from "../rescue-area/values.ts";
import type { PostgresTarget } from "../target.ts";
import { connectionOf } from "../transaction.ts";
import { writeHalved } from "./halving.ts";
import { writeDecided, decidedStatements, setList } from "./decided.ts";
import { lockParents, withoutReferrers, withParents } from "./parents.ts";
import { nextRange, type Range } from "./range.ts";
import { asBefore, byIndex } from "./refused.ts";
import { usualSearchPath } from "./search-path.ts";

/**
 * Sets rows back that are as the statement left them: found by their place, made by one of its transactions, with their old key; locked before
 * they are written. Others stay as they are, but for conflicts that were decided. Rows that the server refuses (a key that was taken, a parent
 * that is gone) are halved out.
 */
export async function setBackBatch(
  target: PostgresTarget,
  tx: Transaction,
  request: MergeTable,
  after: number,
  size: number,
): Promise<MergedBatch> {
  const connection = connectionOf(tx);
  const { decided = [] } = request;
  const { lockTimeoutMs, statementTimeoutMs } = target.request.limits;
  await setLocally(connection, {
    lock_timeout: `${lockTimeoutMs}ms`,
    statement_timeout: `${statementTimeoutMs}ms`,
    row_security: "off",
  });
  const one = keyedValues(await areaOf(connection, request.run, request.table));
  await assertSameFile(connection, one.area);
  const range = nextRange(one.area, request, after, size);
  const path = await usualSearchPath(connection);
  const skips = request.triggers === "skip";
  if (skips) await lockParents(connection, one, range);
  const choosing = chosenToSetSql(one, decided, skips);
  if (skips) await chosenRows(connection, one, range, choosing); // locked now: what it then sees of others is the last word
  const own = await setBack(connection, one, path, await chosenRows(connection, one, range, choosing));
  const job = { connection, one, path, decided, except: own, skips };
  const written = [...own, ...(await writeDecided(job, range))];
  await noteLeftOut(connection, one, range, written);
  return { upTo: range.upTo, inserted: written.length, left: range.rows - written.length, done: range.last };
}

async function chosenRows(
  connection: Connection,
  one: Keyed,
  { after, upTo }: Range,
  sql: string,
): Promise<readonly number[]> {
  await setLocally(connection, byIndex);
  const found = await connection.rows(`choosing rows of ${one.area.rows}`, sql, [after, upTo]);
  await setLocally(connection, asBefore);
  return found.map(({ n }) => Number(n));
}

/** Names are looked for in pg_catalog alone here: whoever may make an operator in the user's path would have it called with our rights. */
function chosenToSetSql(one: Keyed, decided: readonly ConflictKind[], skips: boolean): string {
  const { area } = one;
  if (area.values === null) throw new Error(`${area.rows} holds no former values`);
  const rekeyed = decided.includes("key-changed");
  return [
    `select r.${area.ordinal}::text as n from ${rescuedWithPlace(one)}`,
    `join ${fromTable(area.shape)} as t on ${stillThere(one, area.values)}`,
    `where r.${area.ordinal} > $1 and r.${area.ordinal} <= $2 and ${rekeyed ? `not (${isSameRow(one, "r", "t")})` : settable(one)} ${withParents(one)}`,
    `and ${sameIdentity(one, "r", "t")} ${withoutReferrers(one, "t", skips)}`,
    `order by r.${area.ordinal} for ${rekeyed || skips ? "update" : "no key update"} of t`,
  ].join("\n");
}

function setBack(
  connection: Connection,
  one: Keyed,
  path: string,
  chosen: readonly number[],
): Promise<readonly number[]> {
  const doing = `setting rows of ${one.area.table} back`;
  const write = async (rows: readonly number[]) =>
    (await connection.rows(doing, setBackSql(one), [rows.map(String)])).map(({ n }) => Number(n));
  return writeHalved({ connection, one, doing, path, write }, chosen);
}

/** Nothing in it is looked for by the user's path. */
function setBackSql({ area, columns }: Keyed): string {
  return [
    `update ${fromTable(area.shape)} as t set ${setList(columns)}`,
    `from ${area.rows} as r`,
    `where r.${area.ordinal} operator(pg_catalog.=) any ($1::pg_catalog.int8[]) and t.ctid operator(pg_catalog.=) r.${area.place}`,
    `returning r.${area.ordinal}::pg_catalog.text as n`,
  ].join("\n");
}

/** What the safety copy foresaw is corrected by what happened. */
async function noteLeftOut(
  connection: Connection,
  { area }: Keyed,
  { after, upTo }: Range,
  written: readonly number[],
): Promise<void> {
  const doing = `noting which rows of ${area.rows} were left out`;
  const bounds = `${area.ordinal} > $1 and ${area.ordinal} <= $2`;
  await connection.run(doing, `delete from ${area.leftOut} where ${bounds}`, [after, upTo]);
  if (written.length === upTo - after) return;
  const sql = `insert into ${area.leftOut} select ${area.ordinal} from ${area.rows} where ${bounds} and ${area.ordinal} <> all ($3::bigint[])`;
  await connection.run(doing, sql, [after, upTo, written.map(String)]);
}

/** What each batch sends, as it is sent; `$1` and `$2` are ordinals of the rescue area. */
export async function setBackStatements(
  connection: Connection,
  request: MergeTable,
  limits: Limits,
): Promise<readonly string[]> {
  const { decided = [] } = request;
  const made = (await areaTables(connection, request.run)).find(({ table }) => table === request.table);
  const planned = async () =>
    plannedArea(request.run, await tableShape(connection, request.table), { file: "", makers: [] });
  const one = keyedValues(made ?? (await planned()));
  return [
    ...(request.triggers === "skip" ? ["set session_replication_role = 'replica'; -- before BEGIN"] : []),
    `set local lock_timeout = '${limits.lockTimeoutMs}ms'`,
    `set local statement_timeout = '${limits.statementTimeoutMs}ms'`,
    "set local row_security = off",
    chosenToSetSql(one, decided, request.triggers === "skip"),
    setBackSql(one),
    ...decidedStatements(one, decided, request.triggers === "skip"),
    "set constraints all immediate",
  ];
}
