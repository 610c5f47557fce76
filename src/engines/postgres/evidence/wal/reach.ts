import type { Connection } from "../../connection.ts";
import { logParts, type LogWindow } from "../log/window.ts";
import { type FullXid, fullXid } from "../xid.ts";

const megabyte = 1024n * 1024n;
/** More at once makes the server write much of it into temporary files. */
const looks = { first: 4n * megabyte, longest: 64n * megabyte };

/**
 * Whether the window holds all that this transaction and later ones wrote: a record of the server's running transactions lies in it
 * that was written before the transaction got its id. Only the first such record can tell.
 */
export async function reachesBack(
  connection: Connection,
  schema: string,
  window: LogWindow,
  first: FullXid,
  next: FullXid,
): Promise<boolean> {
  const sql = `SELECT substring(description FROM 'nextXid (\\d+)') AS next FROM ${schema}.pg_get_wal_records_info($1::text::pg_lsn, $2::text::pg_lsn)
    WHERE resource_manager = 'Standby' AND record_type = 'RUNNING_XACTS' ORDER BY start_lsn LIMIT 1`;
  for await (const { from, to } of logParts(connection, schema, window, looks)) {
    const [row] = await connection.rows("asking how far the log goes back", sql, [from, to]);
    if (row?.next != null) return fullXid(Number(row.next), next + 1) <= first;
  }
  return false;
}
