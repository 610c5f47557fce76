import type { RunId } from "../../../core/ids.ts";
import type { Finding } from "../../../core/step.ts";
import type { TableName } from "../../inspect.ts";
import type { CheckedTable, ConflictKind } from "../../rescue-area.ts";
import { fromTable } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { type AreaTable, areaTables, assertNotEmptied, findArea } from "./area.ts";
import { type Blocked, findBlocked, notBlocked, type Reason, reasons } from "./blocked.ts";
import {
  type Comparison,
  comparison,
  isKeyed,
  isPresent,
  isSameRow,
  keyColumns,
  parentsFirst,
  sameKey,
} from "./comparison.ts";
import { checkValues, keyedValues } from "./values.ts";
import { blockedWords, equalWords, rows as someRows } from "./words.ts";

/** Exact, of one moment. Reads the tables by SQL: only when the rescued rows are durable. */
export async function checkArea(
  connection: Connection,
  run: RunId,
  tables: readonly TableName[],
  decided: readonly ConflictKind[] = [],
): Promise<readonly CheckedTable[]> {
  const areas = await areaTables(connection, run);
  for (const area of areas) await assertNotEmptied(connection, area);
  const all = areas.filter(({ values }) => values === null).map(comparison);
  const blocked = await findBlocked(connection, all, decided);
  const circle = parentsFirst(areas.map((area) => area.shape)).circle;
  const checked: CheckedTable[] = [];
  for (const table of tables) {
    const area = findArea(areas, table, run);
    if (area.values !== null) {
      checked.push(await checkValues(connection, keyedValues(area), []));
      continue;
    }
    const one = all.find((each) => each.area === area) ?? comparison(area);
    checked.push(await compared(connection, one, blocked, shapeFindings(area, circle)));
  }
  return checked;
}

async function compared(
  connection: Connection,
  one: Comparison,
  blocked: Blocked,
  shape: readonly Finding[],
): Promise<CheckedTable> {
  const found = await countStates(connection, one, blocked);
  const against = await reasons(connection, blocked, one, "true");
  const sum = (kind: Reason["kind"]) => against.reduce((total, one) => total + (one.kind === kind ? one.rows : 0), 0);
  const identical = isKeyed(one) || (await hasSafetyCopy(connection, one.area)) ? found.identical : 0;
  const remade = found.present - identical;
  const findings: Finding[] = against.map((reason) => ({ ...blockedWords(reason, one.area.table), until: "written" }));
  if (!isKeyed(one) && remade > 0) findings.push(equalWords(one.area, remade));
  else if (remade > 0) findings.push(remadeWords(one.area.table, remade));
  return {
    table: one.area.table,
    rows: found.rows,
    missing: found.rows - found.present,
    identical,
    remade,
    removedSince: sum("removed"),
    otherUnique: sum("unique"),
    orphans: sum("orphan") + sum("parent-left-out"),
    duplicates: sum("duplicate"),
    willInsert: found.mergeable,
    findings: [...shape, ...findings],
  };
}

export interface States {
  readonly rows: number;
  readonly present: number;
  readonly identical: number;
  readonly mergeable: number;
}

/** One pass over the rescued rows, each beside the table's row of the same key (there is at most one), or with the weight of its content. */
export async function countStates(connection: Connection, one: Comparison, blocked: Blocked): Promise<States> {
  const [there, identical, from] = besideIt(one);
  const sql = `select count(*)::text as rows, count(*) filter (where ${there})::text as present,
      count(*) filter (where ${identical})::text as identical,
      count(*) filter (where not (${there}) and ${notBlocked(blocked, one, "r")})::text as mergeable
    from ${from}`;
  const found = await connection.row(`comparing the rescued rows with ${one.area.table}`, sql);
  const number = (name: string) => Number(found[name]);
  return {
    rows: number("rows"),
    present: number("present"),
    identical: number("identical"),
    mergeable: number("mergeable"),
  };
}

/** Before it, no row of the table can be one of ours. */
async function hasSafetyCopy(connection: Connection, { keys }: AreaTable): Promise<boolean> {
  const sql = "select (to_regclass($1) is not null)::text as there";
  return (await connection.row("looking for the safety copy", sql, [keys])).there === "true";
}

/** Without a key the rows that a merge has left out, or will, are those that nobody can tell from the table's own. */
function besideIt(one: Comparison): readonly [there: string, identical: string, from: string] {
  if (!isKeyed(one)) {
    const { leftOut, ordinal } = one.area;
    const ours = `not exists (select from ${leftOut} as x where x.${ordinal} = r.${ordinal})`;
    return [isPresent(one), `${isPresent(one)} and ${ours}`, one.rescued];
  }
  const there = `k.${keyColumns(one)[0]?.quoted ?? ""} is not null`;
  const beside = `${one.rescued} left join ${fromTable(one.area.shape)} as k on ${sameKey(one, "k")}`;
  return [there, `${there} and ${isSameRow(one, "r", "k")}`, beside];
}

function shapeFindings({ table, shape, columns }: AreaTable, circle: readonly TableName[]): readonly Finding[] {
  const findings: Finding[] = [];
  const unseen = shape.columns.filter(
    (one) => !one.dropped && one.generated === "" && !columns.some((column) => column.name === one.name),
  );
  if (circle.includes(table)) {
    const text = `HF-PG-FK-CIRCLE: ${circle.join(", ")} refer to each other in a circle`;
    findings.push({ level: "warn", text, hint: "They can be merged with triggers (and foreign keys) skipped only." });
  }
  if (unseen.length > 0) {
    const text = `${table}: ${unseen.map((one) => one.quoted).join(", ")} was not among the recovered columns and gets its default`;
    findings.push({ level: "warn", text });
  }
  return findings;
}

function remadeWords(table: TableName, remade: number): Finding {
  const text = `${table}: ${someRows(remade)} of the rescued keys are there with other values: made again since`;
  return {
    level: "warn",
    text,
    hint: "Compare them with the rescued ones before the rescue area goes.",
    until: "written",
  };
}
