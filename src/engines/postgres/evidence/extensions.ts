import type { Connection } from "../connection.ts";
import { change, type Closed, type When } from "./closed.ts";
import { blindRole } from "./rights.ts";

/** The schema of an extension, quoted; null where it is not installed. */
export async function extensionSchema(connection: Connection, extension: string): Promise<string | null> {
  const sql = `SELECT quote_ident(nspname) AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = $1`;
  const [row] = await connection.rows("looking for an extension", sql, [extension]);
  return row?.schema ?? null;
}

/** Null where raw pages can be read. */
export async function pageinspectMissing(connection: Connection, when: When = "now"): Promise<Closed | null> {
  const blind = await blindRole(connection);
  if (blind) return blind;
  if ((await extensionSchema(connection, "pageinspect")) !== null) return null;
  if (when === "ahead" && (await isOnServer(connection, "pageinspect"))) return null;
  const opensWith = "CREATE EXTENSION pageinspect";
  return { why: "pageinspect is not installed in this database.", opensWith, change: change("sql", opensWith) };
}

/** Whether a freeze finds it there to install for the time of the run. */
export async function isOnServer(connection: Connection, extension: string): Promise<boolean> {
  const sql = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = $1)::text AS there";
  return (await connection.row("looking for an extension", sql, [extension])).there === "true";
}
