import type { Row } from "../connection.ts";

/** Tables of the user's: real or partitioned, not temporary, not the server's and not ours. For `c` in pg_class, `n` in pg_namespace. */
export const ordinary = `(c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname <> 'information_schema'
  and n.nspname not like 'pg\\_%' and n.nspname <> 'holdfast' and n.nspname not like 'holdfast\\_%')`;

/**
 * From the catalogue and statistics alone: asking for a real size would wait for whoever has the table locked. A partitioned table
 * has the sum of its partitions. Never analyzed: what the statistics counted since the last restart.
 */
export const factsSql = `
  with recursive part (root, oid) as (
    select c.oid, c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where ${ordinary} and not c.relispartition
      and position(lower($1) in lower(format('%I.%I', n.nspname, c.relname))) > 0
    union all select p.root, i.inhrelid from part p join pg_class parent on parent.oid = p.oid and parent.relkind = 'p'
      join pg_inherits i on i.inhparent = p.oid),
  sums as (
    select p.root, sum(greatest(c.reltuples, 0, pg_stat_get_live_tuples(c.oid)))::bigint as rows,
      sum((c.relpages + coalesce(t.relpages, 0))::bigint * current_setting('block_size')::int)::bigint as bytes
    from part p join pg_class c on c.oid = p.oid left join pg_class t on t.oid = c.reltoastrelid
    where c.relkind = 'r' group by p.root)
  select format('%I.%I', n.nspname, c.relname) as name, coalesce(s.rows, 0)::text as rows, coalesce(s.bytes, 0)::text as bytes
  from (select distinct root from part) p left join sums s using (root) join pg_class c on c.oid = p.root join pg_namespace n on n.oid = c.relnamespace
  order by coalesce(s.bytes, 0) desc, coalesce(s.rows, 0) desc, name limit 50`;

const kinds: Readonly<Record<string, string>> = {
  v: "a view",
  m: "a materialized view",
  f: "a foreign table",
  i: "an index",
  I: "an index",
  S: "a sequence",
  c: "a type",
  t: "a TOAST table",
};

export function kindWords(row: Row): string {
  const kind = kinds[row.kind ?? ""];
  if (kind !== undefined) return `${kind}, not a table`;
  if (row.persistence === "t") return "a temporary table of one session";
  return row.schema?.startsWith("holdfast") ? "a table of Holdfast's own" : "a table of the server's own";
}
