import type { RunId } from "../../../core/ids.ts";
import type { Finding } from "../../../core/step.ts";
import type { Watch } from "../../engine.ts";
import type { TableName } from "../../inspect.ts";
import type { VerifiedTable } from "../../merge.ts";
import { type ForeignKey, fromTable } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { areaTables, assertNotEmptied, findArea } from "../rescue-area/area.ts";
import { type Blocked, findBlocked, reasons } from "../rescue-area/blocked.ts";
import { countStates, type States } from "../rescue-area/check.ts";
import {
  type Comparison,
  comparison,
  hasParent,
  isKeyed,
  isPresent,
  isSameRow,
  type Keyed,
  refers,
  sameKey,
} from "../rescue-area/comparison.ts";
import { keyedValues } from "../rescue-area/values.ts";
import { blockedWords, equalWords, rows as someRows } from "../rescue-area/words.ts";
import { verifyValues } from "./verify-values.ts";

/** Exact, of one moment: every rescued row beside the table's row of the same key. */
export async function verifyMerge(
  connection: Connection,
  run: RunId,
  tables: readonly TableName[],
  watch: Watch,
): Promise<readonly VerifiedTable[]> {
  const areas = await areaTables(connection, run);
  for (const area of areas) await assertNotEmptied(connection, area);
  const former = tables.map((table) => findArea(areas, table, run)).filter(({ values }) => values !== null);
  const wanted = tables
    .filter((table) => !former.some((one) => one.table === table))
    .map((table) => comparison(findArea(areas, table, run)));
  const states: States[] = [];
  for (const one of wanted) {
    watch.progress({ done: states.length, total: wanted.length, unit: "tables", note: one.area.table });
    states.push(await countStates(connection, one, nothing));
  }
  const others = areas
    .filter((area) => area.values === null && !wanted.some((one) => one.area === area))
    .map(comparison);
  const complete = states.every((found) => found.present === found.rows);
  const blocked = complete ? nothing : await findBlocked(connection, [...wanted, ...others]);
  const verified: VerifiedTable[] = [];
  for (const area of former) verified.push(await verifyValues(connection, keyedValues(area)));
  for (const [at, one] of wanted.entries()) {
    const found = states[at];
    if (found !== undefined) verified.push(await verifyTable(connection, one, found, blocked));
  }
  return verified;
}

/** What stands against a row matters only where one is missing. */
const nothing: Blocked = new Set();

async function verifyTable(
  connection: Connection,
  one: Comparison,
  found: States,
  blocked: Blocked,
): Promise<VerifiedTable> {
  const { table } = one.area;
  const different = isKeyed(one) ? found.present - found.identical : 0;
  const absent = found.rows - found.identical - different;
  const findings: Finding[] = [];
  if (found.identical > 0)
    findings.push({ level: "ok", text: `${table}: ${someRows(found.identical)} back, equal to the digit` });
  const untold = isKeyed(one) ? 0 : found.present - found.identical;
  if (untold > 0) findings.push(equalWords(one.area, untold));
  const remade = different === 0 || !isKeyed(one) ? 0 : await countRemade(connection, one);
  if (remade > 0) findings.push(remadeWords(table, remade));
  if (different > remade) findings.push(changedWords(table, different - remade));
  const against = await reasons(connection, blocked, one, `not ${isPresent(one)}`);
  findings.push(...against.map((reason) => ({ ...blockedWords(reason, table), level: "warn" as const })));
  const mergeable = absent - untold - against.reduce((sum, reason) => sum + reason.rows, 0);
  if (mergeable > 0) findings.push(unexplained(table, mergeable));
  for (const key of one.foreignKeys) findings.push(...(await lonely(connection, one, key)));
  return { table, rescued: found.rows, equal: found.identical, different, absent, remade, findings };
}

/** What a merge leaves out it writes down: a row that differs and stands there was never put in. */
async function countRemade(connection: Connection, one: Keyed): Promise<number> {
  const { leftOut, ordinal, shape, table } = one.area;
  const sql = `select count(*)::text as rows from ${one.rescued} join ${fromTable(shape)} as k on ${sameKey(one, "k")}
    join ${leftOut} as x on x.${ordinal} = r.${ordinal} where not (${isSameRow(one, "r", "k")})`;
  return Number((await connection.row(`looking which rows of ${table} were made again`, sql))["rows"]);
}

function remadeWords(table: TableName, remade: number): Finding {
  const which = remade === 1 ? "key was used again since" : "keys were used again since";
  const text = `${table}: ${remade.toLocaleString("en-US")} ${which}, with other values: ${remade === 1 ? "its rescued row is" : "their rescued rows are"} in no table`;
  return { level: "warn", text, hint: "Compare both, and decide by hand, while the rescue area is kept." };
}

function changedWords(table: TableName, changed: number): Finding {
  const text = `${table}: ${someRows(changed)} came back, and ${changed === 1 ? "has" : "have"} other values by now`;
  return { level: "warn", text, hint: "Changed since by the application, or by a trigger." };
}

function unexplained(table: TableName, absent: number): Finding {
  const text = `HF-PG-NOT-MERGED: ${table}: ${someRows(absent)} are not there, and nothing stands against them`;
  const hint =
    "The merge is not finished, or the server refused them (a check, a trigger), or they were deleted again since.";
  return { level: "stop", text, hint };
}

/** With foreign keys off nothing but this would ever tell: the server goes on to call the key valid. */
async function lonely(connection: Connection, one: Comparison, key: ForeignKey): Promise<readonly Finding[]> {
  const { area } = one;
  const sql = isKeyed(one)
    ? `select count(*)::text as rows from ${one.rescued} join ${fromTable(area.shape)} as k on ${sameKey(one, "k")}
    where ${refers(key, "k")} and not ${hasParent(key, "k")}`
    : `select count(*)::text as rows from ${one.rescued} where ${isPresent(one)} and ${refers(key, "r")} and not ${hasParent(key, "r")}`;
  const found = Number((await connection.row(`looking for parents by ${key.name}`, sql))["rows"]);
  if (found === 0) return [];
  const text = `HF-PG-ORPHANS: ${area.table}: ${someRows(found)} are there without the parent that ${key.name} asks for`;
  return [{ level: "stop", text, hint: "Bring the parents back, or remove these rows." }];
}
