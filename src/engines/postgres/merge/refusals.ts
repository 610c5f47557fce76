import type { Finding } from "../../../core/step.ts";
import type { TableName } from "../../inspect.ts";
import { rulesOf } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import type { PostgresTarget } from "../target.ts";
import { againstFiring, againstSkipping, type MergeShape } from "./modes.ts";

/**
 * What would refuse the merge at the end, told before anything is held; and what it will do without being asked. Catalogue only, one query
 * each however many partitions there are: no table is read or locked, and dead rows do not wait.
 */
export async function mergeFindings(target: PostgresTarget, tables: readonly TableName[]): Promise<readonly Finding[]> {
  const connection = await target.catalogue();
  return [
    ...(await hiddenRows(connection, tables)),
    ...(await noMode(target, await mergeShapes(connection, tables))),
    ...(await withoutKey(connection, tables)),
  ];
}

/** Rows that a policy hides from us look as if they were missing. */
async function hiddenRows(connection: Connection, tables: readonly TableName[]): Promise<readonly Finding[]> {
  const rows = await connection.rows(
    "asking whom row security concerns",
    `select n.name as table, quote_ident(current_user) as role, pg_has_role(c.relowner, 'usage')::text as owner
       from unnest($1::text[]) with ordinality as n(name, nth) join pg_class c on c.oid = to_regclass(n.name)
      where row_security_active(c.oid) order by n.nth`,
    [[...tables]],
  );
  return rows.map(({ table, role, owner }) => ({
    level: "stop",
    text: `HF-PG-ROW-SECURITY: policies of row security on ${table} concern role ${role}: rows that they hide from it would be taken for missing.`,
    hint:
      owner === "true"
        ? `ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY; for the while (${role} owns it), or a superuser runs ALTER ROLE ${role} BYPASSRLS;`
        : `A superuser runs ALTER ROLE ${role} BYPASSRLS; or connect as such a role, or as the table's owner.`,
  }));
}

async function noMode(target: PostgresTarget, shapes: readonly MergeShape[]): Promise<readonly Finding[]> {
  const fire = againstFiring(shapes, "insert");
  if (fire === "") return [];
  const skip = await againstSkipping(target, shapes, "insert");
  if (skip === "") return [];
  const text = `HF-PG-NO-MERGE: rows could not be put back, with triggers fired or skipped. Fired: ${fire} Skipped: ${skip}`;
  const hint =
    "Mend one of the two, with the statement named or ALTER TABLE .. DISABLE RULE for the while, and begin again.";
  return [{ level: "stop", text, hint }];
}

/** Partitions count as their root: between these a circle is the same, and there are few of them. */
async function mergeShapes(connection: Connection, tables: readonly TableName[]): Promise<readonly MergeShape[]> {
  const rows = await connection.rows(
    "looking for rules and for circles of foreign keys",
    `with given as (select c.oid, coalesce(pg_partition_root(c.oid)::oid, c.oid) as root, ${rulesOf("c")} as rules
        from unnest($1::text[]) as n(name) join pg_class c on c.oid = to_regclass(n.name)),
      edges as (select distinct g.root, coalesce(pg_partition_root(fk.confrelid)::oid, fk.confrelid) as parent
        from pg_constraint fk join given g on g.oid = fk.conrelid
        where fk.contype = 'f' and to_jsonb(fk) ->> 'conenforced' is distinct from 'false')
      select r.root::regclass::text as name, (select coalesce(json_agg(e.parent::regclass::text), '[]') from edges e where e.root = r.root)::text as parents,
        coalesce((select json_agg(x) from given g, json_array_elements(g.rules) x where g.root = r.root), '[]')::text as rules,
        coalesce((select json_agg(json_build_object('name', ic.relname, 'immediate', i.indimmediate)) from pg_index i join pg_class ic on ic.oid = i.indexrelid
          where i.indrelid = r.root and (i.indisunique or i.indisexclusion)), '[]')::text as keys
      from (select distinct root from given) r order by 1`,
    [[...tables]],
  );
  return rows.map(({ name = "", parents, rules, keys }) => ({
    name: name ?? "",
    ancestors: [name ?? ""],
    rules: JSON.parse(rules ?? "[]") as MergeShape["rules"],
    uniqueKeys: JSON.parse(keys ?? "[]") as MergeShape["uniqueKeys"],
    foreignKeys: (JSON.parse(parents ?? "[]") as TableName[]).map((parent) => ({ parent })),
  }));
}

/** As `rowKey` finds it. */
async function withoutKey(connection: Connection, tables: readonly TableName[]): Promise<readonly Finding[]> {
  const rows = await connection.rows(
    "looking for tables without a key",
    `select n.name from unnest($1::text[]) with ordinality as n(name, nth) join pg_class c on c.oid = to_regclass(n.name)
      where not exists (select from pg_index i join pg_class ic on ic.oid = i.indexrelid join pg_am am on am.oid = ic.relam
        where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indisready and not i.indisexclusion and i.indpred is null and am.amname = 'btree'
          and not exists (select from generate_series(0, i.indnkeyatts - 1) k left join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[k]
            where i.indkey[k] = 0 or not a.attnotnull)) order by n.nth`,
    [[...tables]],
  );
  if (rows.length === 0) return [];
  const names = rows
    .slice(0, 3)
    .map(({ name }) => name)
    .join(", ");
  const more = rows.length > 3 ? ` and ${rows.length - 3} more tables` : "";
  const text = `Without a key: ${names}${more}. Each row comes back once, but for those that are equal to a row that is there by then.`;
  return [{ level: "note", text }];
}
