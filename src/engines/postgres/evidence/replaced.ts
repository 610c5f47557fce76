import type { RecoveredTable, Replaced, Statement } from "../../evidence.ts";
import type { TableName } from "../../inspect.ts";
import { lockFreeShape, rowKey } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import type { Closed } from "./closed.ts";
import { fileColumns, fileIn, nodeKey } from "../file-node.ts";
import { membersOf, tablesOf } from "./statement.ts";

/** Of a statement whose former values come back: by table, how the versions are known that replaced them. Null for any other. */
export async function replacedBy(
  asking: Connection,
  statement: Statement,
): Promise<(table: TableName) => Replaced | null> {
  if (!statement.values) return () => null;
  const rows = await asking.rows(
    "asking for the tables' files",
    `SELECT n.name AS table, d.oid::text AS database, ${fileColumns("c")}
       FROM unnest($1::text[]) AS n(name) JOIN pg_class c ON c.oid = to_regclass(n.name), pg_database d
      WHERE d.datname = current_database()`,
    [[...tablesOf(statement)]],
  );
  const files = new Map(rows.map((row) => [row.table ?? "", nodeKey(fileIn(row))]));
  const makers = [...membersOf(statement)].map(String);
  return (table) => ({ file: files.get(table) ?? "", makers });
}

export function withValues(values: Replaced | null): Pick<RecoveredTable, "values"> {
  return values === null ? {} : { values };
}

/** Which row of today a former version belongs to is proved by its place and its key: a table without one is refused before anything is held for it. */
export async function keyless(asking: Connection, statement: Statement): Promise<Closed | null> {
  if (!statement.values) return null;
  const names: TableName[] = [];
  for (const table of tablesOf(statement)) if (rowKey(await lockFreeShape(asking, table)) === null) names.push(table);
  if (names.length === 0) return null;
  return {
    why: `${names.join(", ")} has no primary key and no unique key that holds for every row: which row of today a former version belongs to can't be proved.`,
    opensWith: `ALTER TABLE ${names[0] ?? ""} ADD UNIQUE over columns that are NOT NULL.`,
  };
}
