import { Fault } from "../../../../core/errors.ts";
import type { Connection } from "../../connection.ts";
import { lsnNumber, lsnText } from "./position.ts";
import { segmentOf } from "./segments.ts";

/** The part of the server's log that can be read: from the beginning of a file, without a gap, to what is flushed. */
export interface LogWindow {
  readonly from: bigint;
  readonly to: bigint;
  readonly timeline: number;
  readonly segmentBytes: number;
}

/** The files of this timeline that lie without a gap before the newest; files that wait to be used again have names ahead of it. */
export async function logWindow(connection: Connection): Promise<LogWindow> {
  const rows = await connection.rows(
    "listing the log's files",
    `SELECT name, pg_size_bytes(current_setting('wal_segment_size'))::text AS size, pg_current_wal_flush_lsn()::text AS flushed,
            ('x' || left(name, 8))::bit(32)::bigint::text AS timeline
       FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' AND left(name, 8) = left(pg_walfile_name(pg_current_wal_lsn()), 8)
      ORDER BY name`,
  );
  const segmentBytes = Number(rows[0]?.size ?? 1);
  const size = BigInt(segmentBytes);
  const to = lsnNumber(rows[0]?.flushed ?? "0/0");
  const there = new Set(rows.map(({ name }) => segmentOf(name ?? "", segmentBytes)?.start));
  let from = (to / size) * size;
  if (!there.has(from)) from -= size; // nothing is in the newest file yet
  while (there.has(from - size)) from -= size;
  return { from: from === 0n ? 1n : from, to, timeline: Number(rows[0]?.timeline ?? 0), segmentBytes };
}

export interface LogPart {
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
}

/** How long the parts are, in bytes: each four times as long as the one before, up to the longest. */
export interface PartBytes {
  readonly first: bigint;
  readonly longest: bigint;
}

/**
 * The window in parts, oldest first, that no record lies across: the server's functions leave out a record that ends behind the part, begin
 * with the first that starts in it, and fail where none does until the end of a file that was left early.
 */
export async function* logParts(
  connection: Connection,
  schema: string,
  window: LogWindow,
  { first, longest }: PartBytes,
): AsyncGenerator<LogPart> {
  let bytes = first;
  for (let at = window.from; at < window.to;) {
    const next = at + bytes >= window.to ? window.to : await recordAfter(connection, schema, window, at + bytes);
    yield { from: lsnText(at), to: lsnText(next), bytes: Number(next - at) };
    at = next;
    bytes = bytes * 4n < longest ? bytes * 4n : longest;
  }
}

async function recordAfter(connection: Connection, schema: string, window: LogWindow, lsn: bigint): Promise<bigint> {
  const sql = `SELECT start_lsn::text AS start FROM ${schema}.pg_get_wal_record_info($1::text::pg_lsn)`;
  try {
    const [row] = await connection.rows("looking for a record of the log", sql, [lsnText(lsn)]);
    return row?.start == null ? window.to : lsnNumber(row.start);
  } catch (error) {
    if (!(error instanceof Fault) || error.record.code !== "HF-PG-XX000") throw error;
    // "could not find a valid record after": a switch left the rest of this file empty, or the last record lies across.
    const size = BigInt(window.segmentBytes);
    const nextFile = (lsn / size + 1n) * size;
    return nextFile >= window.to ? window.to : recordAfter(connection, schema, window, nextFile);
  }
}
