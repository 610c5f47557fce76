import type { Connection } from "../../connection.ts";
import { change, type Closed, type When } from "../closed.ts";
import { extensionSchema } from "../extensions.ts";

/** How the server shows its log, or why it does not. Asked of the server, whatever its version. */
export async function logAccess(
  connection: Connection,
): Promise<{ readonly schema: string; readonly closed: null } | { readonly schema: null; readonly closed: Closed }> {
  const closed = await whyNot(connection);
  if (closed) return { schema: null, closed };
  const schema = await extensionSchema(connection, "pg_walinspect");
  return schema === null ? { schema: null, closed: notInstalled } : { schema, closed: null };
}

/** Why the log can't be read this way, now or once a freeze has installed what it can; null where it can. */
export async function logClosed(connection: Connection, when: When): Promise<Closed | null> {
  const { closed } = await logAccess(connection);
  return when === "ahead" && closed === notInstalled ? null : closed;
}

/** Whether the log can ever be read this way on this server: then it is worth keeping. */
export async function logCanBeRead(connection: Connection): Promise<boolean> {
  const closed = await whyNot(connection);
  return closed === null || closed === notInstalled;
}

const notInstalled: Closed = {
  why: "pg_walinspect is not installed in this database.",
  opensWith: "CREATE EXTENSION pg_walinspect; the freeze installs it for the time of the run",
  change: change("sql", "CREATE EXTENSION pg_walinspect"),
};
const tooOld: Closed = {
  why: "This server can't show what its log holds of a page (pg_get_wal_block_info of pg_walinspect 1.1, PostgreSQL 16 and newer).",
  opensWith: "Nothing on this server; a backup and its log can bring the rows back.",
};

async function whyNot(connection: Connection): Promise<Closed | null> {
  const row = await connection.row(
    "asking how the log can be read",
    `SELECT current_setting('full_page_writes') AS pages, v.version, v.installed::text AS installed,
            (SELECT bool_or(proname = 'pg_get_wal_block_info') FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
               JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid WHERE e.extname = 'pg_walinspect')::text AS shows
       FROM (SELECT 1) one LEFT JOIN LATERAL (SELECT version, installed FROM pg_available_extension_versions
              WHERE name = 'pg_walinspect' ORDER BY installed DESC, string_to_array(version, '.')::int[] DESC LIMIT 1) v ON true`,
  );
  if (row.pages === "off")
    return {
      why: "full_page_writes is off: the log has no whole pages to begin from.",
      opensWith: "Nothing for what is lost already; full_page_writes = on helps the next time.",
      change: change("sql", "ALTER SYSTEM SET full_page_writes = on; SELECT pg_reload_conf();", { fromNowOn: true }),
    };
  if (row.version == null) return tooOld;
  if (row.installed === "true") return row.shows === "true" ? null : tooOld;
  const [major = 0, minor = 0] = row.version.split(".").map(Number);
  return major > 1 || minor >= 1 ? notInstalled : tooOld;
}
