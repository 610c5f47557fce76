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

export function carriersWords(found: readonly Carrier[]): string {
  const list = found.map(({ publication, how }) => `${publication} (${how})`).join(", ");
  return `Tables of ours would go out to subscribers by publication ${list}.`;
}
