import type { Connection } from "../connection.ts";

/**
 * Our own sessions look for names in pg_catalog alone. The user's triggers, checks and defaults were written for the path that the role
 * or the database sets, so the INSERT itself runs with that one. (A path from the server's file is not readable by every role.)
 */
export async function usualSearchPath(connection: Connection): Promise<string> {
  const found = await connection.row("reading the search path", usualSql);
  return found["path"] ?? '"$user", public';
}

// The order in which the server itself lets settings of roles and databases win.
const usualSql = `select (select substr(s.setting, length('search_path=') + 1)
  from pg_db_role_setting as d, unnest(d.setconfig) as s(setting)
  where s.setting like 'search\\_path=%' and d.setrole in (0, (select oid from pg_roles where rolname = session_user))
    and d.setdatabase in (0, (select oid from pg_database where datname = current_database()))
  order by d.setrole <> 0 desc, d.setdatabase <> 0 desc limit 1) as path`;
