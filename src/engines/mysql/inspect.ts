import { Fault } from "../../core/errors.ts";
import { nearestNames } from "../../core/nearest-name.ts";
import type { Inspect, TableFact, TableName } from "../inspect.ts";
import type { Connection } from "./connection.ts";
import { survey } from "./inspect/survey.ts";
import { type Parts, partsOf, tableName } from "./names.ts";
import type { MysqlTarget } from "./target.ts";

export function inspect(target: MysqlTarget): Inspect {
  return {
    resolveTable: async (written) => resolveTable(await target.catalogue(), written),
    suggestTables: async (text) => suggestTables(await target.catalogue(), text),
    survey: async () => survey(await target.catalogue()),
  };
}

interface Found extends Parts {
  readonly type: string;
}

async function resolveTable(session: Connection, written: string): Promise<TableName> {
  const { schema } = await session.row("asking for the database", "SELECT DATABASE() AS `schema`");
  const parts = partsOf(written, schema ?? "");
  const found = parts === null ? null : await lookUp(session, parts);
  if (found === null) throw await unknownTable(session, `there is no table ${shortened(written)}`, written);
  if (found.type === "BASE TABLE" && !isOurs(found.schema)) return tableName(found);
  throw await unknownTable(session, `${tableName(found)} is ${kindWords(found)}`, written);
}

/** The catalogue compares names by a collation: of those that it gives, the one that is spelled so comes first. */
async function lookUp(session: Connection, { schema, table }: Parts): Promise<Found | null> {
  const rows = await session.rows(
    "looking up the table",
    `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS name, TABLE_TYPE AS type, @@lower_case_table_names AS folds
       FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [schema, table],
  );
  const all = rows.map((row) => ({ schema: row.schema ?? "", table: row.name ?? "", type: row.type ?? "" }));
  const exact = all.find((one) => one.schema === schema && one.table === table);
  return exact ?? (rows[0]?.folds === "0" ? null : (all[0] ?? null));
}

function isOurs(schema: string): boolean {
  return /^holdfast(?:_|$)/.test(schema);
}

function kindWords({ type, schema }: Found): string {
  if (isOurs(schema)) return "a table of Holdfast's own";
  if (type === "VIEW" || type === "SYSTEM VIEW") return "a view, not a table";
  return type === "SEQUENCE" ? "a sequence, not a table" : `a ${type.toLowerCase()}`;
}

async function unknownTable(session: Connection, message: string, written: string): Promise<Fault> {
  const rows = await session.rows(
    "listing tables",
    `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS name FROM information_schema.TABLES WHERE ${ordinary} LIMIT 5000`,
  );
  const names = rows.map((row) => tableName({ schema: row.schema ?? "", table: row.name ?? "" }));
  const close = nearestNames(written, names);
  const hint =
    close.length > 0
      ? `Nearest: ${close.join(", ")}.`
      : "Write database.table, in backticks where SQL needs them; look at the database's name too.";
  return new Fault("HF-TABLE-UNKNOWN", message, { exit: "input", still: "Nothing was begun.", hint });
}

function shortened(written: string): string {
  return JSON.stringify(written.length > 80 ? `${written.slice(0, 78)}..` : written);
}

/** Tables of the user's: not the server's and not ours. */
const ordinary = `TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
  AND TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema', 'holdfast') AND TABLE_SCHEMA NOT LIKE 'holdfast\\_%'`;

async function suggestTables(session: Connection, text: string): Promise<readonly TableFact[]> {
  if (text.includes("\0")) return [];
  const rows = await session.rows(
    "listing tables",
    `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS name, COALESCE(TABLE_ROWS, 0) AS n, COALESCE(DATA_LENGTH + INDEX_LENGTH, 0) AS bytes
       FROM information_schema.TABLES
      WHERE ${ordinary} AND TABLE_SCHEMA = DATABASE() AND LOCATE(LOWER(?), LOWER(CONCAT(TABLE_SCHEMA, '.', TABLE_NAME))) > 0
      ORDER BY DATA_LENGTH + INDEX_LENGTH DESC, TABLE_ROWS DESC, TABLE_NAME LIMIT 50`,
    [text.trim()],
  );
  return rows.map((row) => ({
    table: tableName({ schema: row.schema ?? "", table: row.name ?? "" }),
    aboutRows: Number(row.n),
    bytes: Number(row.bytes),
  }));
}
