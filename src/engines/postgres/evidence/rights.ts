import type { Finding } from "../../../core/step.ts";
import type { TableName } from "../../inspect.ts";
import type { Connection } from "../connection.ts";
import { change, type Closed } from "./closed.ts";
import { finding } from "./say.ts";

/** What the role that we connect as may do, by the server's own catalogue: asked before anything is made, so that nothing fails half-way. */
export interface Rights {
  /** Quoted as in SQL. */
  readonly role: string;
  readonly superuser: boolean;
  /** Slots and replication sessions. */
  readonly replicates: boolean;
  /** The list of the log's files, which tells how far back its pin has to reach. */
  readonly listsLog: boolean;
  /** The newest files of the log, which are not archived yet. */
  readonly readsLog: boolean;
  /** What no way back can do without, as the statements that give it. */
  readonly lacks: readonly string[];
}

export async function rightsOf(connection: Connection): Promise<Rights> {
  const row = await connection.row("asking what this role may do", rightsSql);
  const role = row.role ?? "";
  const database = row.database ?? "";
  return {
    role,
    superuser: row.super === "true",
    replicates: row.replicates === "true",
    listsLog: row.lists === "true",
    readsLog: row.reads === "true",
    lacks: [
      ...(row.creates === "true" ? [] : [`GRANT CREATE ON DATABASE ${database} TO ${role};`]),
      ...(row.temporary === "true" ? [] : [`GRANT TEMPORARY ON DATABASE ${database} TO ${role};`]),
    ],
  };
}

const may = (call: string) => `has_function_privilege('${call}', 'execute')`;
const rightsSql = `SELECT quote_ident(current_user) AS role, quote_ident(current_database()) AS database,
    rolsuper::text AS super, (rolsuper OR rolreplication)::text AS replicates, ${may("pg_ls_waldir()")}::text AS lists,
    (${may("pg_read_binary_file(text, bigint, bigint, boolean)")} AND ${may("pg_stat_file(text, boolean)")})::text AS reads,
    has_database_privilege(current_database(), 'create')::text AS creates,
    has_database_privilege(current_database(), 'temporary')::text AS temporary
  FROM pg_roles WHERE rolname = current_user`;

/** What it takes to put rows back into these tables that the role has no right to, as the statements that give it; empty where it has all. */
export async function lacksOn(
  connection: Connection,
  tables: readonly TableName[],
  effect: "insert" | "update" = "insert",
): Promise<readonly string[]> {
  const sql = tablesSql.replaceAll("insert_or_update", effect);
  const rows = await connection.rows("asking what this role may do with the tables", sql, [[...tables]]);
  return [...new Set(rows.flatMap(({ grant }) => grant ?? []))];
}

/**
 * Rows are compared with the table and inserted there, parents are looked up, sequences are read and moved forward. A policy of row-level
 * security that holds for the role would hide rows from the comparison. Nothing but catalogues, and no name is resolved: that fails in a
 * schema that the role may not enter.
 */
const tablesSql = `WITH role AS (SELECT quote_ident(current_user) AS name),
  given AS (
    SELECT c.oid, c.relnamespace, format('%I.%I', n.nspname, c.relname) AS name, n.nspname FROM unnest($1::text[]) AS t(name)
      JOIN pg_namespace n ON n.nspname = (parse_ident(t.name))[1]
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = (parse_ident(t.name))[2]),
  parents AS (SELECT DISTINCT confrelid AS oid FROM given JOIN pg_constraint ON conrelid = given.oid AND contype = 'f'),
  grants AS (
    SELECT 0 AS nth, format('GRANT USAGE ON SCHEMA %I TO %s;', given.nspname, role.name) AS sql FROM given, role
     WHERE NOT has_schema_privilege(given.relnamespace, 'usage')
    UNION SELECT 1, format('GRANT SELECT, %s ON %s TO %s;', upper('insert_or_update'), given.name, role.name) FROM given, role
     WHERE NOT (has_table_privilege(given.oid, 'select') AND has_table_privilege(given.oid, 'insert_or_update'))
    UNION SELECT 2, format('ALTER ROLE %s BYPASSRLS;', role.name) FROM given, role WHERE row_security_active(given.oid)
    UNION SELECT 3, format('GRANT USAGE ON SCHEMA %I TO %s;', n.nspname, role.name)
      FROM parents p JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace, role
     WHERE NOT has_schema_privilege(n.oid, 'usage')
    UNION SELECT 4, format('GRANT SELECT ON %I.%I TO %s;', n.nspname, c.relname, role.name)
      FROM parents p JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace, role
     WHERE NOT has_table_privilege(c.oid, 'select') AND c.oid NOT IN (SELECT oid FROM given)
    UNION SELECT 5, format('GRANT SELECT, USAGE ON SEQUENCE %I.%I TO %s;', n.nspname, s.relname, role.name)
      FROM given JOIN pg_depend d ON d.refobjid = given.oid AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_class'::regclass
        AND d.deptype IN ('a', 'i')
      JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace, role
     WHERE NOT (has_sequence_privilege(s.oid, 'select') AND has_sequence_privilege(s.oid, 'usage, update')))
  SELECT sql AS grant FROM grants ORDER BY nth, sql`;

/** Those whose schema the role may enter: of the others not even the catalogue answers by the name. */
export async function enterable(connection: Connection, tables: readonly TableName[]): Promise<readonly TableName[]> {
  const rows = await connection.rows(
    "asking which schemas this role may enter",
    `SELECT t.name FROM unnest($1::text[]) WITH ORDINALITY AS t(name, nth) JOIN pg_namespace n ON n.nspname = (parse_ident(t.name))[1]
      WHERE has_schema_privilege(n.oid, 'usage') ORDER BY t.nth`,
    [[...tables]],
  );
  return rows.flatMap(({ name }) => name ?? []);
}

/** Why no rows can be put back into these tables, for the list of paths; null where they can. */
export async function unwritable(
  connection: Connection,
  tables: readonly TableName[],
  effect: "insert" | "update" = "insert",
): Promise<Closed | null> {
  const { role, lacks } = await rightsOf(connection);
  const all = [...lacks, ...(await lacksOn(connection, tables, effect))];
  if (all.length === 0) return null;
  const why = `The role ${role} may not put rows back into these tables.`;
  return { why, opensWith: all.join(" "), statements: all };
}

/** Raw pages are for superusers alone, whatever is granted. */
export async function blindRole(connection: Connection): Promise<Closed | null> {
  const { role, superuser } = await rightsOf(connection);
  if (superuser) return null;
  const url = change("config", "url: env:NAME   # the URL of a superuser");
  return { why: `The role ${role} is no superuser: raw pages can't be read.`, opensWith, change: url };
}

const opensWith =
  "A superuser's URL for this target. Where nobody is one (a managed service): a clone from a backup, or a dump.";

/** What the role has to have for any way back, and what it makes do without; nothing of it for a superuser. */
export async function rightsFindings(
  connection: Connection,
  [table = "", ...others]: readonly TableName[],
  hasSource: boolean,
): Promise<readonly Finding[]> {
  const rights = await rightsOf(connection);
  const beyondIt = await lacksOn(connection, others);
  // Without USAGE on a schema not even the catalogue answers by the table's name.
  const entering = beyondIt.filter((grant) => grant.startsWith("GRANT USAGE ON SCHEMA"));
  const lacks = [...new Set([...rights.lacks, ...(await lacksOn(connection, [table])), ...entering])];
  const findings: Finding[] = [];
  if (lacks.length > 0)
    findings.push(
      finding(
        "stop",
        `The role ${rights.role} may not put rows back into ${table}.`,
        `The DBA may run: ${lacks.join(" ")}`,
      ),
    );
  const beyond = beyondIt.filter((grant) => !lacks.includes(grant));
  if (beyond.length > 0)
    findings.push(
      finding(
        "warn",
        `The role ${rights.role} may not put rows back into other tables that a DELETE in ${table} reaches: no way is open where it took rows of those.`,
        `The DBA may run: ${beyond.join(" ")}`,
      ),
    );
  return [...findings, ...(rights.superuser ? [] : withoutSuperuser(rights, hasSource))];
}

function withoutSuperuser({ role, replicates, listsLog, readsLog }: Rights, hasSource: boolean): readonly Finding[] {
  if (!hasSource)
    return [
      finding(
        "stop",
        `The role ${role} is no superuser: raw pages can't be read, and holdfast.yaml names no backup for this target.`,
        "Connect as a superuser, or name a backup or a dump (backup: of the target in holdfast.yaml).",
      ),
    ];
  const text = `The role ${role} is no superuser: raw pages can't be read. What comes back comes from the backup or the dump.`;
  return [
    finding("warn", text, "A superuser's URL for this target opens the faster ways."),
    ...(replicates
      ? []
      : [
          finding(
            "warn",
            `The role ${role} may not replicate: neither rows nor log can be pinned.`,
            `The DBA may run: ALTER ROLE ${role} REPLICATION;`,
          ),
        ]),
    ...(replicates && !listsLog
      ? [
          finding(
            "warn",
            `The role ${role} may not list the log's files: the log can't be pinned, the rows can.`,
            `The DBA may run: GRANT pg_monitor TO ${role};`,
          ),
        ]
      : []),
    ...(readsLog
      ? []
      : [
          finding(
            "warn",
            `The role ${role} may not read the server's files: of the log only what is archived can be read.`,
            `If the statement is not archived yet, somebody who may runs: select pg_switch_wal(); or the DBA: ${readingGrants(role)}`,
          ),
        ]),
  ];
}

export function readingGrants(role: string): string {
  return `GRANT EXECUTE ON FUNCTION pg_read_binary_file(text, bigint, bigint, boolean), pg_stat_file(text, boolean) TO ${role};`;
}
