import type { Transaction } from "../../engine.ts";
import type { MergedBatch, MergeTable } from "../../merge.ts";
import type { Connection } from "../connection.ts";
import { findBlocked } from "../rescue-area/blocked.ts";
import { isKeyed } from "../rescue-area/comparison.ts";
import { setLocally } from "../rescue-area/settings.ts";
import type { PostgresTarget } from "../target.ts";
import { connectionOf } from "../transaction.ts";
import { asBefore, byIndex, giveUp, isOfTable, refusesRows } from "./refused.ts";
import { usualSearchPath } from "./search-path.ts";
import { isWhole, mergeScope } from "./scope.ts";
import { type Chosen, type LeftOut, leftOut } from "./left-out.ts";
import { writeDecided } from "./decided.ts";
import { lockParents } from "./parents.ts";
import { nextRange, type Range } from "./range.ts";
import { chosenSql, equalRowsSql, insertSql, lonelySql, type Scope, type How } from "./statements.ts";

/**
 * Rows in conflict are left out by the statement itself. What still slips in beside it (another session takes the key in the same moment)
 * is refused by the server; then the batch is halved until only the refused rows are left out. A table that refers to itself is merged
 * in one batch: its parents may be anywhere. So is one without a key: what an earlier batch put in could not be told from others' rows.
 */
export async function mergeBatch(
  target: PostgresTarget,
  tx: Transaction,
  request: MergeTable,
  after: number,
  size: number,
): Promise<MergedBatch> {
  const connection = connectionOf(tx);
  const { lockTimeoutMs, statementTimeoutMs } = target.request.limits;
  await setLocally(connection, { lock_timeout: `${lockTimeoutMs}ms`, row_security: "off" });
  const scope = await mergeScope(connection, request);
  const whole = isWhole(scope);
  await setLocally(connection, { statement_timeout: `${whole ? 0 : statementTimeoutMs}ms` });
  const range = nextRange(scope.one.area, request, after, whole ? Number.MAX_SAFE_INTEGER : size);
  const insert: Insert = {
    connection,
    scope,
    path: await usualSearchPath(connection),
    left: leftOut(connection, scope),
  };
  if (!isKeyed(scope.one)) await noteRows(connection, scope);
  if (request.triggers === "skip") await lockParents(connection, scope.one, range);
  const inserted =
    scope.selfKeys.length > 0 ? await insertTree(insert, range) : await insertRange(insert, range, { kind: "each" });
  const decided = await decidedRows(insert, request, range);
  insert.left.wrote(decided);
  await insert.left.note(range);
  const written = inserted + decided.length;
  return { upTo: range.upTo, inserted: written, left: range.rows - written, done: range.last };
}

interface Insert {
  readonly connection: Connection;
  readonly scope: Scope;
  /** Where the table's own triggers and checks look for names. */
  readonly path: string;
  readonly left: LeftOut;
}

async function decidedRows(
  { connection, scope: { one }, path }: Insert,
  { decided = [], triggers }: MergeTable,
  range: Range,
): Promise<readonly number[]> {
  if (decided.length === 0 || !isKeyed(one)) return [];
  return writeDecided({ connection, one, path, decided, except: [], skips: triggers === "skip" }, range);
}

async function noteRows(connection: Connection, scope: Scope): Promise<void> {
  for (const sql of equalRowsSql(scope)) await connection.run(`weighing the rows of ${scope.one.area.rows}`, sql);
}

/** Halves until the rows that the server refuses stand alone. */
async function insertRange(insert: Insert, { after, upTo }: Range, how: How): Promise<number> {
  if (after >= upTo) return 0;
  const inserted = await tryInsert(insert, { after, upTo }, how);
  if (inserted !== "refused") return inserted;
  if (upTo - after === 1) return insert.left.refused(upTo);
  const middle = Math.floor((after + upTo) / 2);
  const first = await insertRange(insert, { after, upTo: middle }, how);
  return first + (await insertRange(insert, { after: middle, upTo }, how));
}

/** Who tries again meets the rows that other sessions made in the meantime, and leaves theirs out. */
const tries = 3;

/** All at once, without what stands in conflict; if the server never takes that, level by level from the rows whose parents are there. */
async function insertTree(insert: Insert, range: Range): Promise<number> {
  for (let nth = 0; nth < tries; nth += 1) {
    const blocked = await findBlocked(insert.connection, insert.scope.all, insert.scope.decided);
    const together = await tryInsert(insert, range, { kind: "together", blocked });
    if (together !== "refused") return together;
  }
  let [inserted, level] = [0, 0];
  do {
    level = await insertRange(insert, range, { kind: "each" });
    inserted += level;
  } while (level > 0);
  return inserted;
}

/** In a savepoint: refused rows end it and nothing else. Whatever is deferred is checked here, not at a COMMIT that is not ours. */
async function tryInsert(insert: Insert, range: Range, how: How): Promise<number | "refused"> {
  const { connection, scope } = insert;
  const doing = `merging rows into ${scope.one.area.table}`;
  await connection.run(doing, "savepoint holdfast_batch");
  try {
    if (how.kind === "each" && isKeyed(scope.one)) await setLocally(connection, byIndex);
    const chosen = await chosenRows(insert, range, how);
    const inserted = await insertChosen(insert, range, chosen);
    if (how.kind === "together" && inserted > 0 && (await isLonely(insert, range))) return await giveUp(connection);
    await setLocally(connection, asBefore);
    await connection.run(doing, "release savepoint holdfast_batch");
    await insert.left.merged(range, chosen, inserted);
    if (!isKeyed(scope.one) && scope.selfKeys.length > 0) await noteMerged(insert, range, chosen);
    return inserted;
  } catch (error) {
    if (!refusesRows(error)) throw error;
    await giveUp(connection);
    if (await isOfTable(connection, scope.one, error)) return "refused";
    throw error;
  }
}

/** A tree is gone over again, level by level: what is in must not come once more. The list is written anew when the batch ends. */
async function noteMerged({ connection, scope }: Insert, { after, upTo }: Range, chosen: Chosen): Promise<void> {
  const { leftOut, ordinal, rows } = scope.one.area;
  const which = chosen === "all" ? "" : ` and ${ordinal} = any ($3::bigint[])`;
  const sql = `insert into ${leftOut} select ${ordinal} from ${rows} where ${ordinal} > $1 and ${ordinal} <= $2${which} on conflict do nothing`;
  const listed = chosen === "all" ? [] : [chosen.map(String)];
  await connection.run(`noting rows of ${rows} that are in`, sql, [after, upTo, ...listed]);
}

/** Nearly always all of them: then there is no list. */
async function chosenRows({ connection, scope }: Insert, { after, upTo }: Range, how: How): Promise<Chosen> {
  const doing = `choosing rows of ${scope.one.area.rows}`;
  const counted = await connection.row(doing, chosenSql(scope, how, "count"), [after, upTo]);
  if (Number(counted["chosen"]) === upTo - after) return "all";
  const listed = await connection.rows(doing, chosenSql(scope, how, "ordinals"), [after, upTo]);
  return listed.map(({ n }) => Number(n));
}

async function insertChosen({ connection, scope, path }: Insert, range: Range, chosen: Chosen): Promise<number> {
  const doing = `merging rows into ${scope.one.area.table}`;
  const bounds = [range.after, range.upTo];
  await setLocally(connection, { search_path: path });
  const inserted = await (chosen === "all"
    ? connection.run(doing, insertSql(scope, "all"), bounds)
    : connection.run(doing, insertSql(scope, "listed"), [...bounds, chosen.map(String)]));
  await connection.run(doing, "set constraints all immediate");
  await setLocally(connection, { search_path: "pg_catalog" });
  return inserted;
}

async function isLonely({ connection, scope }: Insert, range: Range): Promise<boolean> {
  const found = await connection.row("looking for rows without a parent", lonelySql(scope), [range.after, range.upTo]);
  return found["lonely"] === "true";
}
