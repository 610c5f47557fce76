import type { Connection } from "../../connection.ts";
import { type CommitRecord, commitReader, logPageSize } from "./commit-records.ts";

/** The log's files, read as they lie in the server's folder: for a server that has no function to read them. */
export interface LogFiles {
  /** Commits whose records begin in a page between two positions, and whose checksum is right. */
  commits(from: bigint, to: bigint): Promise<readonly CommitRecord[]>;
}

const bytesAtOnce = 1024 * 1024;

/** Null where the role may not read the server's files. */
export async function logFiles(connection: Connection): Promise<LogFiles | null> {
  const server = await connection.row(
    "asking for the log's files",
    `SELECT has_function_privilege('pg_read_binary_file(text, bigint, bigint, boolean)', 'execute')::text AS may,
            left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline, pg_size_bytes(current_setting('wal_segment_size'))::text AS size`,
  );
  if (server.may !== "true") return null;
  const [size, timeline] = [BigInt(server.size ?? 0), server.timeline ?? ""];
  const read = async (at: bigint) => {
    const sql = "SELECT encode(pg_read_binary_file($1, $2::bigint, $3::bigint, true), 'hex') AS bytes";
    const inFile = at % size;
    const length = Math.min(bytesAtOnce, Number(size - inFile));
    const values = [`pg_wal/${fileName(timeline, at / size, size)}`, String(inFile), length];
    return Buffer.from((await connection.row("reading the log's files", sql, values)).bytes ?? "", "hex");
  };
  return { commits: (from, to) => commitsIn(read, from, to) };
}

/** Timeline, then the high and the low part of the file's number. */
function fileName(timeline: string, number: bigint, size: bigint): string {
  const perPart = (1n << 32n) / size;
  const hex = (part: bigint) => part.toString(16).toUpperCase().padStart(8, "0");
  return `${timeline}${hex(number / perPart)}${hex(number % perPart)}`;
}

async function commitsIn(
  read: (at: bigint) => Promise<Buffer>,
  from: bigint,
  to: bigint,
): Promise<readonly CommitRecord[]> {
  const found: CommitRecord[] = [];
  const reader = commitReader((commit) => found.push(commit));
  let at = from - (from % BigInt(logPageSize));
  while (at < to || reader.unfinished) {
    const bytes = await read(at);
    if (bytes.length < logPageSize) return found;
    for (let page = 0; page + logPageSize <= bytes.length && (at < to || reader.unfinished); page += logPageSize) {
      if (!reader.page(bytes.subarray(page, page + logPageSize), at)) return found;
      at += BigInt(logPageSize);
    }
  }
  return found;
}
