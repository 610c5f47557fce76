import type { Marker } from "../../marker.ts";
import type { Connection, Row } from "../connection.ts";
import { carriers, carriersWords, withoutOurs } from "../inspect/publications.ts";
import { isTrusted } from "./trusted.ts";

type MarkerState = Awaited<ReturnType<Marker["state"]>>;

/** Barred says why, and what would open it. Nothing is made or locked by asking. */
export async function markerState(session: Connection): Promise<MarkerState> {
  const server = await session.row("asking for the marker table", sql);
  const why =
    unwritable(server) ?? untrusted(server) ?? (server.effect === null ? mayNotMake(server) : mayNotUse(server));
  if (why !== null) return { kind: "barred", why };
  const found = await carriers(session);
  if (found.length > 0) {
    const why = "A subscriber that lacks the marker table would stop, so it is not written here.";
    return { kind: "barred", why: `${carriersWords(found)} ${why} ${withoutOurs(found)}` };
  }
  return { kind: server.effect === null || server.installation === null ? "absent" : "present" };
}

const sql = `
  select pg_is_in_recovery() as recovering, current_setting('default_transaction_read_only') as read_only,
    quote_ident(current_user) as role, quote_ident(current_database()) as database,
    has_database_privilege(current_database(), 'create') as may_make_schema,
    n.oid::text as schema, has_schema_privilege(n.oid, 'create') as may_make_table, has_schema_privilege(n.oid, 'usage') as may_enter,
    e.oid::text as effect, i.oid::text as installation,
    (select quote_ident(pg_get_userbyid(owner)) from (values (n.nspowner), (e.relowner), (i.relowner)) made (owner)
      where owner is not null and not ${isTrusted("owner")} limit 1) as stranger,
    coalesce(e.relkind, 'r') <> 'r' or coalesce(i.relkind, 'r') <> 'r'
      or exists (select from pg_trigger t where t.tgrelid in (e.oid, i.oid) and not t.tgisinternal)
      or exists (select from pg_rewrite r where r.ev_class in (e.oid, i.oid)) as runs_code,
    has_table_privilege(e.oid, 'select') and has_table_privilege(e.oid, 'insert') and has_table_privilege(e.oid, 'update') as may_mark,
    i.oid is null or has_table_privilege(i.oid, 'select') as may_read,
    (select count(*) from pg_attribute a where a.attrelid = e.oid and not a.attisdropped and a.attname = any
      ('{run_id,step_key,plan_hash,intent_hash,xid,at,cursor,result,done}')) as columns
  from (values (1)) one left join pg_namespace n on n.nspname = 'holdfast'
    left join pg_class e on e.relnamespace = n.oid and e.relname = 'effect'
    left join pg_class i on i.relnamespace = n.oid and i.relname = 'installation'`;

function unwritable(server: Row): string | null {
  if (server.recovering === "t")
    return "This server is a standby: nothing can be written on it, and markers travel with the primary.";
  return server.read_only === "on" ? "Sessions of this role are read-only (default_transaction_read_only)." : null;
}

/** Found before anything there is read or written: a view, a trigger or a rule runs with the rights of whoever does. */
function untrusted(server: Row): string | null {
  const moves =
    "Look who made it and what for; then move it out of the way: ALTER SCHEMA holdfast RENAME TO not_holdfast;";
  if (server.stranger !== null)
    return `The schema holdfast or a table of ours in it belongs to ${server.stranger}, who is no superuser as you are, and could have code run there with your rights. ${moves}`;
  if (server.runs_code !== "t") return null;
  return `What is called holdfast.effect or holdfast.installation is no plain table: a view, a trigger or a rule would run there with your rights. ${moves}`;
}

/** The statements that give what is lacking to make and to use it, each whole; none where nothing is. */
export async function markerGrants(session: Connection): Promise<readonly string[]> {
  const server = await session.row("asking for the marker table", sql);
  return server.effect === null ? makingGrants(server) : usingGrants(server);
}

function mayNotMake(server: Row): string | null {
  const grants = makingGrants(server);
  return grants.length === 0 ? null : `The marker table can't be made. The DBA may run: ${grants.join(" ")}`;
}

function makingGrants(server: Row): readonly string[] {
  if (server.schema === null)
    return server.may_make_schema === "t" ? [] : [`GRANT CREATE ON DATABASE ${server.database} TO ${server.role};`];
  if (server.may_make_table === "t" && server.may_enter === "t") return [];
  return [`GRANT USAGE, CREATE ON SCHEMA holdfast TO ${server.role};`];
}

function mayNotUse(server: Row): string | null {
  if (server.columns !== "9")
    return "There is a table holdfast.effect, but it is not our marker table: rename one of them.";
  const grants = usingGrants(server);
  return grants.length === 0 ? null : `The marker table can't be used. The DBA may run: ${grants.join(" ")}`;
}

function usingGrants({ may_enter: enters, may_mark: marks, may_read: reads, role }: Row): readonly string[] {
  return [
    ...(enters === "t" ? [] : [`GRANT USAGE ON SCHEMA holdfast TO ${role};`]),
    ...(marks === "t" ? [] : [`GRANT SELECT, INSERT, UPDATE ON holdfast.effect TO ${role};`]),
    ...(reads === "t" ? [] : [`GRANT SELECT ON holdfast.installation TO ${role};`]),
  ];
}
