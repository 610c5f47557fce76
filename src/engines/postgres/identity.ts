import type { IdentityFact, TargetIdentity } from "../../core/target.ts";
import type { Connection, Row } from "./connection.ts";
import { ourTrustedTable } from "./marker/table.ts";
import type { PostgresTarget } from "./target.ts";

/**
 * What the server says of itself, and where it was reached. A fact that the role may not read is left out; `self` facts change when
 * another server (or a promoted one: another timeline) answers, `place` facts when the same data answers from elsewhere.
 */
export async function identity(target: PostgresTarget): Promise<TargetIdentity> {
  const session = await target.catalogue();
  const base = await session.row("asking who the server is", baseSql);
  const system = await systemFacts(session, base.recovering === "t");
  const installation = await installationRow(session, base.installed === "t");
  const reached = reachedAt(session);
  const facts = [
    self("system identifier", system.identifier, 10),
    self("timeline", system.timeline, 8),
    self("installation", installation, 10),
    self("database", base.database, 6),
    self("database oid", base.oid, 6),
    self("major version", base.major, 2),
    place("reached at", `${reached.host}:${reached.port}`, 4),
    place("server address", base.address, 4),
    place("data folder", base.data, 4),
  ];
  return { facts: facts.filter((fact) => fact !== null), words: words(base, reached), database: base.database ?? "" };
}

/** pg_settings shows only what the role may see; current_setting would throw. */
const baseSql = `
  select current_database() as database, d.oid::text as oid, pg_is_in_recovery() as recovering,
    current_setting('server_version') as version, current_setting('server_version_num')::int / 10000 as major,
    inet_server_addr()::text || ':' || inet_server_port() as address, inet_server_port() as port,
    nullif(current_setting('cluster_name'), '') as cluster,
    (select setting from pg_settings where name = 'data_directory') as data,
    ${ourTrustedTable("installation")} is not null as installed
  from pg_database d where d.datname = current_database()`;

function self(name: string, value: string | null | undefined, weight: number): IdentityFact | null {
  return value == null ? null : { name, value, kind: "self", weight };
}

function place(name: string, value: string | null | undefined, weight: number): IdentityFact | null {
  return value == null ? null : { name, value, kind: "place", weight };
}

/** The control file is not for everyone's eyes on every server; the timeline of a primary is in the name of its WAL file too. */
async function systemFacts(session: Connection, recovering: boolean) {
  const allowed = await session.row(
    "asking what the role may read",
    `select has_function_privilege('pg_control_system()', 'execute') as system,
       has_function_privilege('pg_control_checkpoint()', 'execute') as checkpoint`,
  );
  const ask = async (sql: string) => (await session.row("asking who the server is", sql)).value ?? null;
  const identifier =
    allowed.system === "t" ? await ask("select system_identifier::text as value from pg_control_system()") : null;
  if (!recovering) {
    const sql = "select ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint::text as value";
    return { identifier, timeline: await ask(sql) };
  }
  const sql = "select timeline_id::text as value from pg_control_checkpoint()";
  return { identifier, timeline: allowed.checkpoint === "t" ? await ask(sql) : null };
}

async function installationRow(session: Connection, installed: boolean): Promise<string | null> {
  if (!installed) return null;
  const may = await session.row(
    "asking what the role may read",
    `select has_schema_privilege('holdfast', 'usage') and has_table_privilege(${ourTrustedTable("installation")}, 'select') as may`,
  );
  if (may.may !== "t") return null;
  const rows = await session.rows("reading the installation row", "select id::text as id from holdfast.installation");
  return rows[0]?.id ?? null;
}

/** As the driver resolved it: a socket folder, or a host. */
function reachedAt({ client }: Connection): { readonly host: string; readonly port: number } {
  return { host: client.host, port: client.port };
}

function words(base: Row, reached: { host: string; port: number }): string {
  const name = base.cluster == null ? "" : `${base.cluster} at `;
  const version = (base.version ?? "").split(" ")[0] ?? "";
  const role = base.recovering === "t" ? "standby" : "primary";
  return `${name}${reached.host}:${base.port ?? reached.port}, PostgreSQL ${version}, ${role}`;
}
