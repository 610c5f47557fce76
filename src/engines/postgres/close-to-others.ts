import type { Connection } from "./connection.ts";

/** Default privileges of the role may open what it makes to others at once; what is in this schema is nobody's but its owner's. */
export async function closeToOthers(connection: Connection, schema: string): Promise<void> {
  const doing = `closing ${schema} to other roles`;
  for (const { revoke } of await connection.rows(doing, grantsSql, [schema])) await connection.run(doing, revoke ?? "");
}

const role = "case when a.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end";
const grantsSql = `select distinct format('revoke all on schema %I from %s cascade', n.nspname, ${role}) as revoke
    from pg_namespace as n, aclexplode(n.nspacl) as a where n.nspname = $1 and a.grantee <> n.nspowner
  union select distinct format('revoke all on %s %I.%I from %s cascade',
      case c.relkind when 'S' then 'sequence' else 'table' end, n.nspname, c.relname, ${role})
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace, aclexplode(c.relacl) as a
    where n.nspname = $1 and a.grantee <> c.relowner`;
