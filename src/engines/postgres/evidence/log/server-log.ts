import { to as copyTo } from "pg-copy-streams";
import type { Connection } from "../../connection.ts";
import { postgresFault } from "../../errors.ts";
import { eachRecord, type LogRecord } from "./records.ts";
import { type Segment, segmentName, segmentsBetween } from "./segments.ts";
import { type LogWindow, logWindow } from "./window.ts";

/** The log as its files lie in the server's folder, taken apart here: ten times as fast as the server's own functions write it out. */
export interface ServerLog {
  readonly major: number;
  readonly window: LogWindow;
  /**
   * Visits the records of one file after the other, the newest file first, each file's in their order; yields how many bytes a file
   * had. Ends early at a file that was removed meanwhile, or that is damaged.
   */
  newestFirst(visit: (record: LogRecord) => void): AsyncGenerator<number>;
}

/** Null where the role may not read the server's files. */
export async function serverLog(connection: Connection): Promise<ServerLog | null> {
  const { may, major } = await connection.row(
    "asking for the log's files",
    `SELECT has_function_privilege('pg_read_binary_file(text, bigint, bigint, boolean)', 'execute')::text AS may,
            (current_setting('server_version_num')::int / 10000)::text AS major`,
  );
  if (may !== "true") return null;
  const window = await logWindow(connection);
  return { major: Number(major), window, newestFirst: (visit) => newestFirst(connection, window, visit) };
}

async function* newestFirst(
  connection: Connection,
  { from, to, timeline, segmentBytes }: LogWindow,
  visit: (record: LogRecord) => void,
): AsyncGenerator<number> {
  let newer: { readonly segment: Segment; readonly bytes: Buffer } | null = null;
  for (const segment of segmentsBetween(timeline, from, to - 1n, segmentBytes).toReversed()) {
    const bytes = await fileBytes(connection, segmentName(segment, segmentBytes), segmentBytes);
    if (bytes === null) return;
    // The last record of a file may end in the one after it.
    const files: readonly Segment[] = newer === null ? [segment] : [segment, newer.segment];
    const end = newer === null ? to : newer.segment.start;
    const read = (wanted: Segment, copy: number) =>
      Promise.resolve(copy > 0 ? null : wanted === segment ? bytes : (newer?.bytes ?? null));
    const { damage } = await eachRecord(files, read, end, visit);
    if (damage !== null) return;
    newer = { segment, bytes };
    yield Number(end - (segment.start > from ? segment.start : from));
  }
}

const partBytes = 4 * 1024 * 1024;

/** A file of the log from the server's folder; null where it is not there any more, or not of this size. */
export async function fileBytes(connection: Connection, name: string, size: number): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  for (let at = 0; at < size; at += partBytes) parts.push(await readPart(connection, name, at));
  const whole = Buffer.concat(parts);
  return whole.length === size ? whole : null;
}

/** What goes before the value in COPY's binary format: signature, flags, extension, count of fields, length of the field (-1: null). */
const beforeValue = 11 + 4 + 4 + 2 + 4;

/** By COPY, since any other way the driver makes text of it. */
async function readPart(connection: Connection, name: string, at: number): Promise<Buffer> {
  const file = connection.client.escapeLiteral(`pg_wal/${name}`);
  const sql = `COPY (SELECT pg_read_binary_file(${file}, ${at}, ${partBytes}, true)) TO STDOUT (FORMAT binary)`;
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of connection.client.query(copyTo(sql)) as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (error) {
    throw postgresFault(error, "reading the log's files", "reading");
  }
  const all = Buffer.concat(chunks);
  const length = all.readInt32BE(beforeValue - 4);
  return all.subarray(beforeValue, beforeValue + Math.max(0, length));
}
