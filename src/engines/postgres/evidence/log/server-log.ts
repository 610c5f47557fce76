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

/** Gives the bytes of a file of the log by its name and size; null where it is not there, or is another. */
export type LogFiles = (name: string, size: number) => Promise<Buffer | null>;

/** Null where the role may not read the server's files. `copies`: where a file is looked for before the server is asked for it. */
export async function serverLog(connection: Connection, copies?: LogFiles): Promise<ServerLog | null> {
  const { may, major } = await connection.row(
    "asking for the log's files",
    `SELECT has_function_privilege('pg_read_binary_file(text, bigint, bigint, boolean)', 'execute')::text AS may,
            (current_setting('server_version_num')::int / 10000)::text AS major`,
  );
  if (may !== "true") return null;
  const window = await logWindow(connection);
  const ofServer: LogFiles = (name, size) => fileBytes(connection, name, size);
  const files = copies === undefined ? [ofServer] : [copies, ofServer];
  return { major: Number(major), window, newestFirst: (visit) => newestFirst(files, window, visit) };
}

async function* newestFirst(
  places: readonly LogFiles[],
  { from, to, timeline, segmentBytes }: LogWindow,
  visit: (record: LogRecord) => void,
): AsyncGenerator<number> {
  let newer: ReadFile | null = null;
  for (const segment of segmentsBetween(timeline, from, to - 1n, segmentBytes).toReversed()) {
    const file = copiesOf(places, segment, segmentBytes);
    if ((await file.copy(0)) === null) return;
    // The last record of a file may end in the one after it.
    const both: readonly ReadFile[] = newer === null ? [file] : [file, newer];
    const end = newer === null ? to : newer.segment.start;
    const read = async (wanted: Segment, nth: number) =>
      (await both.find((one) => one.segment === wanted)?.copy(nth)) ?? null;
    const { damage } = await eachRecord(
      both.map((one) => one.segment),
      read,
      end,
      visit,
    );
    if (damage !== null) return;
    newer = file;
    yield Number(end - (segment.start > from ? segment.start : from));
  }
}

interface ReadFile {
  readonly segment: Segment;
  /** The nth of its copies; null where there is no further one. */
  copy(nth: number): Promise<Buffer | null>;
}

function copiesOf(places: readonly LogFiles[], segment: Segment, segmentBytes: number): ReadFile {
  const found: Buffer[] = [];
  let asked = 0;
  return {
    segment,
    copy: async (nth) => {
      for (; found.length <= nth && asked < places.length; asked += 1) {
        const bytes = await places[asked]?.(segmentName(segment, segmentBytes), segmentBytes);
        if (bytes) found.push(bytes);
      }
      return found[nth] ?? null;
    },
  };
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
