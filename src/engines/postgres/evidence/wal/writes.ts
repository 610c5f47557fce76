import type { Watch } from "../../../engine.ts";
import type { TableName } from "../../../inspect.ts";
import type { Connection } from "../../connection.ts";
import { logSteps, logWindow } from "../log/window.ts";
import { stopIfAsked } from "../pages/read.ts";
import { type FullXid, fullXid } from "../xid.ts";
import { fileName, loggedTables } from "./files.ts";

/** What one transaction id wrote, by the name of the file. */
export interface FileWrites {
  readonly deleted: number;
  readonly updated: number;
  readonly inserted: number;
}

export interface LoggedWrites {
  /** By transaction id (a subtransaction has its own), then by file: only of those that deleted from the tables. */
  readonly writes: ReadonlyMap<FullXid, ReadonlyMap<string, FileWrites>>;
  /** The tables' own files. */
  readonly files: ReadonlyMap<string, TableName>;
  /** Bytes of the log that were read, newest first, and that there are. */
  readonly read: number;
  readonly of: number;
}

const [mostPerStep, mostKnown] = [2000, 20_000];
/** Small, so that a short budget is kept. */
const stepBytes = 16n * 1024n * 1024n;

/**
 * Who deleted from the tables, by the server's log, newest first and no longer than `budgetMs`: also where VACUUM has taken the rows
 * since. Says nothing yet of whether they committed.
 */
export async function writesInLog(
  connection: Connection,
  schema: string,
  tables: readonly TableName[],
  next: FullXid,
  budgetMs: number,
  watch: Watch,
): Promise<LoggedWrites> {
  const { database, tables: logged } = await loggedTables(connection, tables);
  const files = new Map(logged.map((one) => [fileName(database, one.heap), one.table]));
  const window = await logWindow(connection);
  const of = Number(window.to - window.from);
  const writes = new Map<FullXid, Map<string, FileWrites>>();
  /** Transactions with their subtransactions, by the COMMIT records: one may have inserted what another deleted. */
  const families = new Set<string>();
  const deadline = performance.now() + budgetMs;
  let read = 0;
  for await (const step of logSteps(connection, schema, window, "newest first", stepBytes)) {
    stopIfAsked(watch);
    const known = [...[...writes.keys()].map((xid) => String(xid % 2 ** 32)), ...families].slice(0, mostKnown);
    const values = [step.from, step.to, [...files.keys()], known, String(database)];
    for (const row of await connection.rows("reading the server's log", stepSql(schema), values))
      if (row.file == null) families.add(row.xid ?? "");
      else note(writes, fullXid(Number(row.xid), next), row.file, row);
    read += step.bytes;
    watch.progress({ done: inMegabytes(read), total: inMegabytes(of), unit: "MB", note: "the server's log" });
    if (performance.now() > deadline) break;
  }
  return { writes, files, read, of };
}

const inMegabytes = (bytes: number) => Math.round(bytes / 1024 / 1024);

/**
 * Of a step: all that was written by those who deleted from the tables in it or later, and what committed
 * transactions with subtransactions inserted into the tables; then the ids of those alone. Not counted as deleted: rows that moved to another partition, and inserts
 * that were given up.
 */
function stepSql(schema: string): string {
  return `WITH r AS MATERIALIZED (
      SELECT xid::text, substring(block_ref FROM 'rel ([0-9]+/[0-9]+/[0-9]+)') AS file,
             CASE WHEN resource_manager = 'Transaction' THEN 's' WHEN record_type ~ 'INSERT' THEN 'i' WHEN record_type ~ 'UPDATE' THEN 'u' ELSE 'd' END AS kind,
             CASE WHEN record_type ~ '^MULTI' THEN coalesce(substring(description FROM 'ntuples:? ([0-9]+)'), substring(description FROM '^([0-9]+) tuples'), '1')::int ELSE 1 END AS rows,
             CASE WHEN resource_manager = 'Transaction' THEN concat_ws(' ', xid, substring(description FROM '^([0-9]+): '), trim(substring(description FROM 'subxacts: ([0-9 ]+)'))) END AS members
        FROM ${schema}.pg_get_wal_records_info($1::text::pg_lsn, $2::text::pg_lsn)
       WHERE (resource_manager IN ('Heap', 'Heap2') AND record_type ~ '^(DELETE|HOT_UPDATE|UPDATE|INSERT|MULTI_INSERT)'
              AND NOT (record_type = 'DELETE' AND description ~ 'flags:? 0x(1.|.[89A-F])'))
          OR (resource_manager = 'Transaction' AND record_type LIKE 'COMMIT%' AND description LIKE '%subxacts:%')),
    s AS MATERIALIZED (SELECT DISTINCT unnest(string_to_array(members, ' ')) AS xid FROM r WHERE kind = 's'),
    w AS (SELECT xid FROM r WHERE kind = 'd' AND file = ANY ($3::text[]) GROUP BY xid ORDER BY count(*) DESC LIMIT ${mostPerStep})
    SELECT xid, file, sum(rows) FILTER (WHERE kind = 'd')::text AS deleted, sum(rows) FILTER (WHERE kind = 'u')::text AS updated,
           sum(rows) FILTER (WHERE kind = 'i')::text AS inserted
      FROM r WHERE split_part(file, '/', 2) = $5 AND (xid IN (SELECT xid FROM w) OR xid = ANY ($4::text[])
        OR (kind = 'i' AND file = ANY ($3::text[]) AND xid IN (SELECT xid FROM s))) GROUP BY xid, file
    UNION ALL SELECT xid, NULL, NULL, NULL, NULL FROM s`;
}

function note(
  writes: Map<FullXid, Map<string, FileWrites>>,
  xid: FullXid,
  file: string,
  row: Readonly<Record<string, string | null>>,
): void {
  const all = writes.get(xid) ?? new Map<string, FileWrites>();
  const before = all.get(file) ?? { deleted: 0, updated: 0, inserted: 0 };
  all.set(file, {
    deleted: before.deleted + Number(row.deleted ?? 0),
    updated: before.updated + Number(row.updated ?? 0),
    inserted: before.inserted + Number(row.inserted ?? 0),
  });
  writes.set(xid, all);
}
