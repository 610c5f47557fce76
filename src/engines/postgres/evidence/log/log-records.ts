import type { Connection } from "../../connection.ts";

/**
 * What to write after FROM for the log's records that lie whole between the positions $1 and $2, where $2 may be at the log's end or
 * beyond it. 1.0 of pg_walinspect (PostgreSQL 15) refuses an end beyond it, and has a function of its own up to the end, which 1.1 dropped.
 */
export async function logRecords(connection: Connection, schema: string): Promise<string> {
  const toEnd = `${schema}.pg_get_wal_records_info_till_end_of_wal`;
  const between = `${schema}.pg_get_wal_records_info`;
  const sql = "SELECT (to_regprocedure($1) IS NOT NULL)::text AS needed";
  const { needed } = await connection.row("asking how the log can be read", sql, [`${toEnd}(pg_lsn)`]);
  if (needed !== "true") return `${between}($1::text::pg_lsn, $2::text::pg_lsn)`;
  // The arguments come out of `w`, so that the server calls only the function whose condition on `w` holds.
  return `(WITH w AS MATERIALIZED (SELECT $1::text::pg_lsn AS a, $2::text::pg_lsn AS b, pg_current_wal_flush_lsn() AS flushed)
    SELECT r.* FROM w CROSS JOIN LATERAL ${between}(w.a, w.b) r WHERE w.b < w.flushed
    UNION ALL SELECT r.* FROM w CROSS JOIN LATERAL ${toEnd}(w.a) r WHERE w.b >= w.flushed AND r.end_lsn <= w.b) records`;
}
