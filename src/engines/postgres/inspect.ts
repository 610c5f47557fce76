import { Fault } from "../../core/errors.ts";
import type { Inspect, TableFact, TableName } from "../inspect.ts";
import { droppedHint } from "./catalogue.ts";
import { nearestNames } from "../../core/nearest-name.ts";
import { survey } from "./inspect/survey.ts";
import { factsSql, kindWords, ordinary } from "./inspect/tables.ts";
import type { Connection, Row } from "./connection.ts";
import type { PostgresTarget } from "./target.ts";

export function inspect(target: PostgresTarget): Inspect {
  return {
    resolveTable: async (written) => resolveTable(await target.catalogue(), written),
    suggestTables: async (text) => suggestTables(await target.catalogue(), text),
    survey: () => survey(target),
  };
}

async function resolveTable(session: Connection, written: string): Promise<TableName> {
  const row = await lookUp(session, written.trim());
  if (row === null) throw await unknownTable(session, `there is no table ${quoted(written)}`, written);
  if (row.usable === "t") return row.name ?? "";
  throw await unknownTable(session, `${row.name} is ${kindWords(row)}`, written, "there");
}

/** The server reads the name as SQL would, and looks in the catalogue only. */
async function lookUp(session: Connection, written: string): Promise<Row | null> {
  // A text with a zero byte can't be sent, and no name holds one.
  if (written === "" || written.includes("\0")) return null;
  const sql = `
    select format('%I.%I', n.nspname, c.relname) as name, c.relkind as kind, c.relpersistence as persistence,
      n.nspname as schema, ${ordinary} as usable
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass($1)`;
  const rows = await session.rows("looking up the table", sql, [written]).catch(async (error: unknown) => {
    if (isNotAName(error)) return [];
    if (error instanceof Fault && error.record.code === "HF-PG-NOT-ALLOWED") throw await closedSchema(session, written);
    throw error;
  });
  return rows[0] ?? null;
}

/** Nothing in a schema can be looked up by a role that may not enter it. */
async function closedSchema(session: Connection, written: string): Promise<Fault> {
  const sql = `select format('GRANT USAGE ON SCHEMA %I TO %I;', (parse_ident($1))[1], current_user) as opens`;
  const { opens } = await session.row("asking what opens the schema", sql, [written]);
  return new Fault("HF-PG-NOT-ALLOWED", `the role that we connect as may not enter the schema of ${quoted(written)}`, {
    exit: "refused",
    still: "Nothing was begun.",
    hint: `The DBA may run: ${opens}`,
  });
}

/** invalid name syntax, syntax error, a database's name before it, text that the server's encoding has not. */
const notAName = new Set(["HF-PG-42602", "HF-PG-42601", "HF-PG-0A000", "HF-PG-22P05", "HF-PG-22021", "HF-PG-3F000"]);

function isNotAName(error: unknown): boolean {
  return error instanceof Fault && notAName.has(error.record.code);
}

async function unknownTable(
  session: Connection,
  message: string,
  written: string,
  is: "there" | "gone" = "gone",
): Promise<Fault> {
  const names = await session.rows(
    "listing tables",
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where ${ordinary} order by c.relpages desc limit 5000`,
  );
  const close = nearestNames(
    written,
    names.map((row) => row.name ?? ""),
  );
  const name =
    close.length > 0
      ? `Nearest: ${close.join(", ")}.`
      : "Write schema.table, in double quotes where SQL needs them; look at the database's name too.";
  const hint = is === "gone" ? `${name} ${droppedHint}` : name;
  return new Fault("HF-TABLE-UNKNOWN", message, { exit: "input", still: "Nothing was begun.", hint });
}

function quoted(written: string): string {
  return JSON.stringify(written.length > 80 ? `${written.slice(0, 78)}..` : written);
}

async function suggestTables(session: Connection, text: string): Promise<readonly TableFact[]> {
  if (text.includes("\0")) return [];
  const rows = await session.rows("listing tables", factsSql, [text.trim()]);
  return rows.map((row) => ({ table: row.name ?? "", aboutRows: Number(row.rows), bytes: Number(row.bytes) }));
}
