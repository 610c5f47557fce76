import type { RunId } from "../../../core/ids.ts";
import type { Finding } from "../../../core/step.ts";
import type { TableName } from "../../inspect.ts";
import type { CheckedTable } from "../../rescue-area.ts";
import { fromTable } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { type AreaTable, areaTables, assertNotEmptied, findArea } from "./area.ts";
import { type Blocked, findBlocked, notBlocked, type Reason, reasons } from "./blocked.ts";
import { type Comparison, comparison, keyColumns, isSameRow, parentsFirst, sameKey } from "./comparison.ts";
import { blockedWords, rows as someRows } from "./words.ts";

/** Exact, of one moment. Reads the tables by SQL: only when the rescued rows are durable. */
export async function checkArea(
  connection: Connection,
  run: RunId,
  tables: readonly TableName[],
): Promise<readonly CheckedTable[]> {
  const areas = await areaTables(connection, run);
  for (const area of areas) await assertNotEmptied(connection, area);
  const all = areas.flatMap((area) => comparison(area) ?? []);
  const blocked = await findBlocked(connection, all);
  const circle = parentsFirst(areas.map((area) => area.shape)).circle;
  const checked: CheckedTable[] = [];
  for (const table of tables) {
    const area = findArea(areas, table, run);
    const one = all.find((compared) => compared.area === area);
    const shape = shapeFindings(area, circle);
    checked.push(
      one === undefined ? await uncompared(connection, area, shape) : await compared(connection, one, blocked, shape),
    );
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
  const remade = found.present - found.identical;
  const findings: Finding[] = against.map((reason) => blockedWords(reason, one.area.table));
  if (remade > 0) findings.push(remadeWords(one.area.table, remade));
  return {
    table: one.area.table,
    rows: found.rows,
    missing: found.rows - found.present,
    identical: found.identical,
    remade,
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

/** One pass over the rescued rows, each beside the table's row of the same key (there is at most one). */
export async function countStates(connection: Connection, one: Comparison, blocked: Blocked): Promise<States> {
  const there = `k.${keyColumns(one)[0]?.quoted ?? ""} is not null`;
  const sql = `select count(*)::text as rows, count(*) filter (where ${there})::text as present,
      count(*) filter (where ${there} and ${isSameRow(one, "r", "k")})::text as identical,
      count(*) filter (where not (${there}) and ${notBlocked(blocked, one, "r")})::text as mergeable
    from ${one.rescued} left join ${fromTable(one.area.shape)} as k on ${sameKey(one, "k")}`;
  const found = await connection.row(`comparing the rescued rows with ${one.area.table}`, sql);
  const number = (name: string) => Number(found[name]);
  return {
    rows: number("rows"),
    present: number("present"),
    identical: number("identical"),
    mergeable: number("mergeable"),
  };
}

async function uncompared(connection: Connection, area: AreaTable, shape: readonly Finding[]): Promise<CheckedTable> {
  const counted = await connection.row(`counting ${area.rows}`, `select count(*)::text as rows from ${area.rows}`);
  const none = { missing: 0, identical: 0, remade: 0, otherUnique: 0, orphans: 0, duplicates: 0, willInsert: 0 };
  const finding: Finding = {
    level: "stop",
    text: `HF-PG-NO-KEY: ${area.table} has no primary key and no unique key that holds for every row`,
    hint: `Which rows are missing can't be told. Give the table a key (ADD UNIQUE over columns that are NOT NULL) and resume; or insert the recovered rows by hand from ${area.rows}.`,
  };
  return { table: area.table, rows: Number(counted["rows"]), ...none, findings: [...shape, finding] };
}

function shapeFindings({ table, shape, columns }: AreaTable, circle: readonly TableName[]): readonly Finding[] {
  const findings: Finding[] = [];
  const unseen = shape.columns.filter(
    (one) => !one.dropped && one.generated === "" && !columns.some((column) => column.name === one.name),
  );
  if (shape.insertRules) {
    const text = `HF-PG-INSERT-RULES: ${table} has rewrite rules on INSERT, which allow no ON CONFLICT`;
    findings.push({ level: "stop", text, hint: "Insert the rows by hand, or drop the rules for the while." });
  }
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
  const text = `${table}: ${someRows(remade)} of the rescued keys are there with other values: made again since, left as they are`;
  return { level: "warn", text, hint: "Compare them with the rescued ones before the rescue area goes." };
}
