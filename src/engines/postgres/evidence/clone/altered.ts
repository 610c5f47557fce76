import type { Statement } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { tablesOf } from "../statement.ts";
import { lowXid } from "../xid.ts";

/**
 * Tables of which a column was described anew by a younger transaction than the statement's: added, dropped, renamed or altered. Which of
 * these it was only a look at the old table tells. A table that was dropped has other columns altogether, and is not among them.
 */
export async function alteredSince(asking: Connection, statement: Statement): Promise<readonly TableName[]> {
  if (statement.kind === "drop") return [];
  const rows = await asking.rows(
    "asking whether columns were changed since",
    `SELECT n.name AS table FROM unnest($1::text[]) AS n(name)
      WHERE EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(n.name) AND attnum > 0
        AND age(xmin) < (SELECT min(age(x::xid)) FROM unnest($2::text[]) AS x))`,
    [tablesOf(statement), statement.transactions.map((xid) => String(lowXid(Number(xid))))],
  );
  return rows.map(({ table }) => table ?? "");
}

export function alteredWords(tables: readonly TableName[]): string {
  const what = `Columns of ${tables.join(", ")} were added, dropped or changed since:`;
  return `${what} one that was dropped or got another type stops this way once the clone stands, before anything is written.`;
}
