import type { Connection } from "../../connection.ts";
import { lsnText } from "../log/position.ts";
import { type LogWindow, mostAtOnce } from "../log/window.ts";
import { type FullXid, fullXid } from "../xid.ts";

const firstLook = 4n * 1024n * 1024n;

/**
 * Whether the window holds all that this transaction and later ones wrote: a record of the server's running transactions lies in it
 * that was written before the transaction got its id. Only the first such record can tell.
 */
export async function reachesBack(
  connection: Connection,
  schema: string,
  { from, to }: LogWindow,
  first: FullXid,
  next: FullXid,
): Promise<boolean> {
  const sql = `SELECT substring(description FROM 'nextXid (\\d+)') AS next FROM ${schema}.pg_get_wal_records_info($1::text::pg_lsn, $2::text::pg_lsn)
    WHERE resource_manager = 'Standby' AND record_type = 'RUNNING_XACTS' ORDER BY start_lsn LIMIT 1`;
  for (
    let [at, bytes] = [from, firstLook];
    at < to;
    at += bytes, bytes = bytes * 4n < mostAtOnce ? bytes * 4n : mostAtOnce
  ) {
    const end = at + bytes < to ? at + bytes : to;
    // A record that lies across two looks is left out: a later one then tells, and it can only be more careful.
    const [row] = await connection.rows("asking how far the log goes back", sql, [lsnText(at), lsnText(end)]);
    if (row?.next != null) return fullXid(Number(row.next), next + 1) <= first;
  }
  return false;
}
