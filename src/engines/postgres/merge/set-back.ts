import type { Limits, Transaction } from "../../engine.ts";
import type { MergedBatch, MergeTable } from "../../merge.ts";
import { type Column, fromTable, tableShape } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { areaOf, areaTables, plannedArea } from "../rescue-area/area.ts";
import type { Keyed } from "../rescue-area/comparison.ts";
import { setLocally } from "../rescue-area/settings.ts";
import { assertSameFile, keyedValues, rescuedWithPlace, settable, stillThere } from "../rescue-area/values.ts";
import type { PostgresTarget } from "../target.ts";
import { connectionOf } from "../transaction.ts";
import { nextRange, type Range } from "./range.ts";
import { asBefore, byIndex, giveUp, isOfTable, refusesRows } from "./refused.ts";
import { usualSearchPath } from "./search-path.ts";

/**
 * Sets rows back that are as the statement left them: found by their place, made by one of its transactions, with their old key; locked before
 * they are written. Others stay as they are. Rows that the server refuses (a key that was taken, a parent that is gone) are halved out.
 */
export async function setBackBatch(
  target: PostgresTarget,
  tx: Transaction,
  request: MergeTable,
  after: number,
  size: number,
): Promise<MergedBatch> {
  const connection = connectionOf(tx);
  const { lockTimeoutMs, statementTimeoutMs } = target.request.limits;
  await setLocally(connection, {
    lock_timeout: `${lockTimeoutMs}ms`,
    statement_timeout: `${statementTimeoutMs}ms`,
    row_security: "off",
  });
  const one = keyedValues(await areaOf(connection, request.run, request.table));
  await assertSameFile(connection, one.area);
  const range = nextRange(one.area, request, after, size);
  const chosen = await chosenRows(connection, one, range);
  const setting: Setting = { connection, one, path: await usualSearchPath(connection), refused: new Set() };
  await setBack(setting, chosen);
  const written = chosen.filter((n) => !setting.refused.has(n));
  await noteLeftOut(connection, one, range, written);
  return { upTo: range.upTo, inserted: written.length, left: range.rows - written.length, done: range.last };
}

interface Setting {
  readonly connection: Connection;
  readonly one: Keyed;
  /** Where the table's own triggers and checks look for names. */
  readonly path: string;
  /** Rows that the server does not take, and those that a trigger of the user's swallows. */
  readonly refused: Set<number>;
}

async function chosenRows(connection: Connection, one: Keyed, { after, upTo }: Range): Promise<readonly number[]> {
  await setLocally(connection, byIndex);
  const found = await connection.rows(`choosing rows of ${one.area.rows}`, chosenToSetSql(one), [after, upTo]);
  await setLocally(connection, asBefore);
  return found.map(({ n }) => Number(n));
}

/** Names are looked for in pg_catalog alone here: whoever may make an operator in the user's path would have it called with our rights. */
function chosenToSetSql(one: Keyed): string {
  const { area } = one;
  if (area.values === null) throw new Error(`${area.rows} holds no former values`);
  return [
    `select r.${area.ordinal}::text as n from ${rescuedWithPlace(one)}`,
    `join ${fromTable(area.shape)} as t on ${stillThere(one, area.values)}`,
    `where r.${area.ordinal} > $1 and r.${area.ordinal} <= $2 and ${settable(one)}`,
    `order by r.${area.ordinal} for no key update of t`,
  ].join("\n");
}

/** Halves until the rows that the server refuses stand alone. */
async function setBack(setting: Setting, chosen: readonly number[]): Promise<void> {
  if (chosen.length === 0 || (await trySetBack(setting, chosen))) return;
  if (chosen.length === 1) return void setting.refused.add(chosen[0] ?? 0);
  const middle = Math.floor(chosen.length / 2);
  await setBack(setting, chosen.slice(0, middle));
  await setBack(setting, chosen.slice(middle));
}

async function trySetBack({ connection, one, path, refused }: Setting, chosen: readonly number[]): Promise<boolean> {
  const doing = `setting rows of ${one.area.table} back`;
  await connection.run(doing, "savepoint holdfast_batch");
  try {
    await setLocally(connection, { ...byIndex, search_path: path });
    const written = await connection.rows(doing, setBackSql(one), [chosen.map(String)]);
    await connection.run(doing, "set constraints all immediate");
    await setLocally(connection, { ...asBefore, search_path: "pg_catalog" });
    await connection.run(doing, "release savepoint holdfast_batch");
    const ours = new Set(written.map(({ n }) => Number(n)));
    for (const n of chosen) if (!ours.has(n)) refused.add(n);
    return true;
  } catch (error) {
    if (!refusesRows(error)) throw error;
    await giveUp(connection);
    if (await isOfTable(connection, one, error)) return false;
    throw error;
  }
}

/** All columns that can be written: which of them differ the server itself sees. Nothing in it is looked for by the user's path. */
function setBackSql({ area, columns }: Keyed): string {
  const set = columns.filter(isWritten).map(({ quoted }) => `${quoted} = r.${quoted}`);
  return [
    `update ${fromTable(area.shape)} as t set ${set.join(", ")}`,
    `from ${area.rows} as r`,
    `where r.${area.ordinal} operator(pg_catalog.=) any ($1::pg_catalog.int8[]) and t.ctid operator(pg_catalog.=) r.${area.place}`,
    `returning r.${area.ordinal}::pg_catalog.text as n`,
  ].join("\n");
}

/** An identity that is always the server's own can't be written; it is part of a key that did not change, or the server would not have taken it. */
function isWritten({ identity, generated }: Column): boolean {
  return identity !== "a" && generated === "";
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
  const made = (await areaTables(connection, request.run)).find(({ table }) => table === request.table);
  const planned = async () =>
    plannedArea(request.run, await tableShape(connection, request.table), { file: "", makers: [] });
  const one = keyedValues(made ?? (await planned()));
  return [
    ...(request.triggers === "skip" ? ["set session_replication_role = 'replica'; -- before BEGIN"] : []),
    `set local lock_timeout = '${limits.lockTimeoutMs}ms'`,
    `set local statement_timeout = '${limits.statementTimeoutMs}ms'`,
    "set local row_security = off",
    chosenToSetSql(one),
    setBackSql(one),
    "set constraints all immediate",
  ];
}
