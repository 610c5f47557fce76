import type { Connection, Row } from "../connection.ts";
import { ourTable } from "../marker/table.ts";

export interface Carrier {
  readonly publication: string;
  readonly how: "all tables" | "our schema" | "our table";
}

/**
 * Publications that would carry tables of ours to subscribers: where our table is there, the server's own list says whether it is in
 * (or left out); where not, those for all tables or for our schema.
 */
export async function carriers(session: Connection): Promise<readonly Carrier[]> {
  const whole = await session.row("looking at publications", `select ${knowsSchemas} as schemas`);
  const parts = whole.schemas === "t" ? [tablesSql, schemasSql] : [tablesSql];
  const rows = await session.rows("looking at publications", `${parts.join(" union ")} order by 1`);
  return rows.map((row: Row) => ({ publication: row.name ?? "", how: row.how as Carrier["how"] }));
}

/** Before 15 no publication is for schemas, and their catalogue is not there. */
const knowsSchemas = "to_regclass('pg_catalog.pg_publication_namespace') is not null";

const tablesSql = `
  select p.pubname as name, case when p.puballtables then 'all tables' else 'our table' end as how
  from pg_publication p join pg_publication_tables t on t.pubname = p.pubname
  where t.schemaname = 'holdfast' and t.tablename = 'effect'
  union
  select p.pubname, 'all tables' from pg_publication p
  where p.puballtables and ${ourTable("effect")} is null`;

const schemasSql = `
  select p.pubname, 'our schema' from pg_publication p
  join pg_publication_namespace s on s.pnpubid = p.oid join pg_namespace n on n.oid = s.pnnspid
  where n.nspname = 'holdfast' and ${ourTable("effect")} is null`;

/** What leaves our tables out of them, as it is typed. */
export function withoutOurs(found: readonly Carrier[]): string {
  return found.map(({ publication, how }) => opening[how](quoted(publication))).join(" ");
}

const quoted = (name: string) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

const opening: Readonly<Record<Carrier["how"], (publication: string) => string>> = {
  "all tables": (name) =>
    `Where nobody reads it: DROP PUBLICATION ${name}; else make one that names its tables, and let its readers follow that (ALTER SUBSCRIPTION .. SET PUBLICATION .. WITH (copy_data = false)), before ${name} is dropped.`,
  "our schema": (name) => `ALTER PUBLICATION ${name} DROP TABLES IN SCHEMA holdfast;`,
  "our table": (name) => `ALTER PUBLICATION ${name} DROP TABLE holdfast.effect, holdfast.installation;`,
};

/**
 * Publications through which somebody reads inserts into these tables, and never sees what is deleted there: whoever applies them has those
 * rows still, and stops on the first that comes back.
 */
export async function keptElsewhere(
  session: Connection,
  tables: readonly string[],
): Promise<readonly { readonly publication: string; readonly table: string; readonly opens: string }[]> {
  const rows = await session.rows("looking at publications", keptSql, [[...tables]]);
  return rows.map(({ publication, table, opens }) => ({
    publication: publication ?? "",
    table: table ?? "",
    opens: opens ?? "",
  }));
}

/** Without a logical slot in this database nobody reads its changes. A truncated table went with its rows where that is published. */
const keptSql = `
  select p.pubname as publication, format('%I.%I', t.schemaname, t.tablename) as table,
    case when p.puballtables then format('ALTER PUBLICATION %I SET (publish = %L);', p.pubname, 'delete, truncate, update')
      else format('ALTER PUBLICATION %I DROP TABLE %I.%I;', p.pubname, t.schemaname, t.tablename) end as opens
  from pg_publication p join pg_publication_tables t on t.pubname = p.pubname
  where p.pubinsert and not p.pubdelete and current_setting('wal_level') = 'logical'
    and format('%I.%I', t.schemaname, t.tablename) = any ($1::text[])
    and exists (select from pg_replication_slots where slot_type = 'logical' and database = current_database())
  order by 1, 2`;

export function carriersWords(found: readonly Carrier[]): string {
  const list = found.map(({ publication, how }) => `${publication} (${how})`).join(", ");
  return `Tables of ours would go out to subscribers by publication ${list}.`;
}
