import { to as copyTo } from "pg-copy-streams";
import type { Watch } from "../../../engine.ts";
import type { Connection } from "../../connection.ts";
import { postgresFault } from "../../errors.ts";
import type { FileNode } from "../../file-node.ts";
import type { Logged } from "../log/files.ts";
import { type LogPart, logParts, type LogWindow } from "../log/window.ts";
import { stopIfAsked } from "../pages/read.ts";
import { type BinaryRow, eachBinaryRow } from "./copy-binary.ts";
import { encodeChange, type RawChange, changeBytes } from "./page-change.ts";
import type { Spool } from "./spool.ts";

/** Pages that are replayed together: 64 MB of them. */
const blocksTogether = 8192;

export interface LogReading {
  /** The first finds where records begin, the others read by turns. */
  readonly connections: readonly [Connection, Connection, Connection];
  /** The schema of pg_walinspect, quoted. */
  readonly schema: string;
  readonly window: LogWindow;
}

/** Reads what the log says of the tables' files, main fork, and sorts it into the spool. */
export async function spoolChanges(reading: LogReading, logged: Logged, spool: Spool, watch: Watch): Promise<void> {
  const files = logged.tables.flatMap(({ heap, toast }) => (toast === null ? [heap] : [heap, toast]));
  const total = Math.ceil(Number(reading.window.to - reading.window.from) / megabyte);
  const sort = sorter(spool);
  let done = 0;
  watch.progress({ done, total, unit: "MB", note: "the server's log" });
  for await (const { part, chunks } of oneAhead(reading, logged.database, files)) {
    stopIfAsked(watch);
    await eachBinaryRow(chunks, columns, sort.take).catch((error: unknown) => {
      throw postgresFault(error, "reading the server's log", "reading");
    });
    done += part.bytes / megabyte;
    watch.progress({ done: Math.min(total, Math.round(done)), total, unit: "MB", note: "the server's log" });
  }
  sort.end();
}

const megabyte = 1024 * 1024;
/** Far below what makes the server write temporary files, so that one part is worked on while the next is made. */
const partBytes = { first: 16n * 1024n * 1024n, longest: 16n * 1024n * 1024n };

/** Two sessions by turns: the server makes the next part while this one is sorted. */
async function* oneAhead({ connections, schema, window }: LogReading, database: number, files: readonly FileNode[]) {
  const [asking] = connections;
  let turn = 0;
  let waiting: { readonly part: LogPart; readonly chunks: AsyncIterable<Buffer> } | null = null;
  for await (const part of logParts(asking, schema, window, partBytes)) {
    turn += 1;
    const reader = connections[1 + (turn % 2)] ?? asking;
    const chunks = reader.client.query(copyTo(changesSql(schema, part, database, files)));
    chunks.on("error", () => undefined); // whoever reads it hears of it; where nobody does any more, it is of no account
    const begun = { part, chunks };
    if (waiting) yield waiting;
    waiting = begun;
  }
  if (waiting) yield waiting;
}

/**
 * Only what can change which rows stand on a page, and every whole page. Numbers and positions alone are put into the text. Whoever may
 * make functions in that schema could make one that fits a call better; none fits better than all arguments in their own types.
 */
function changesSql(
  schema: string,
  part: { readonly from: string; readonly to: string },
  database: number,
  files: readonly FileNode[],
): string {
  const spaces = new Set(files.map(({ space }) => space));
  const ours = [...spaces].map((space) => {
    const nodes = files.filter((file) => file.space === space).map(({ node }) => node);
    return `(reltablespace = ${space} AND relfilenode IN (${nodes.join(", ")}))`;
  });
  return `COPY (SELECT start_lsn, block_id, reltablespace, relfilenode, relblocknumber, xid, record_type, description, block_data,
      CASE WHEN 'APPLY' = ANY (block_fpi_info) THEN block_fpi_data END
    FROM ${schema}.pg_get_wal_block_info('${part.from}'::pg_lsn, '${part.to}'::pg_lsn, true)
   WHERE reldatabase = ${database} AND relforknumber = 0 AND (${ours.join(" OR ")})
     AND (record_type IN ('INSERT', 'INSERT+INIT', 'DELETE', 'UPDATE', 'UPDATE+INIT', 'HOT_UPDATE', 'MULTI_INSERT', 'MULTI_INSERT+INIT', 'VACUUM')
       OR record_type LIKE 'PRUNE%' OR 'APPLY' = ANY (block_fpi_info))
  ) TO STDOUT (FORMAT binary)`;
}

const columns = 10;

interface Raw extends Omit<RawChange, "nth" | "other"> {
  readonly lsn: number;
  readonly file: string;
}

/** An UPDATE's two pages follow each other: the earlier waits until it is known whether there is a second. */
function sorter(spool: Spool) {
  let nth = 0;
  let waiting: Raw | null = null;
  const put = (raw: Raw, other: number) => {
    const change: RawChange = { ...raw, nth: (nth += 1), other };
    spool.add(spoolKey(raw.file, raw.block), changeBytes(change), (into, at) => encodeChange(change, into, at));
  };
  return {
    take: (row: BinaryRow) => {
      const raw = rawOf(row);
      const pair = waiting !== null && waiting.lsn === raw.lsn && waiting.file === raw.file;
      if (waiting) put(waiting, pair ? raw.block : -1);
      if (pair) put(raw, waiting?.block ?? -1);
      waiting = pair ? null : raw;
    },
    end: () => {
      if (waiting) put(waiting, -1);
      waiting = null;
    },
  };
}

/** In the order of `changesSql`. */
function rawOf({ bytes, at, length }: BinaryRow): Raw {
  const place = (nth: number) => at[nth] ?? -1;
  const part = (nth: number) => bytes.subarray(place(nth), place(nth) + (length[nth] ?? 0));
  const orNull = (nth: number) => (place(nth) < 0 ? null : part(nth));
  return {
    lsn: bytes.readUIntBE(place(0), 2) * 2 ** 48 + bytes.readUIntBE(place(0) + 2, 6),
    first: bytes.readInt16BE(place(1)) === 0,
    file: `${bytes.readUInt32BE(place(2))}/${bytes.readUInt32BE(place(3))}`,
    block: bytes.readUInt32BE(place(4) + 4),
    xid: bytes.readUInt32BE(place(5)),
    kind: part(6),
    words: part(7),
    data: orNull(8),
    image: orNull(9),
  };
}

function spoolKey(file: string, block: number): string {
  return `${file}/${Math.floor(block / blocksTogether)}`;
}

/** The spool's keys of one file, in the order of its pages. */
export function keysOf(spool: Spool, { space, node }: FileNode): readonly string[] {
  const prefix = `${space}/${node}/`;
  const nth = (key: string) => Number(key.slice(prefix.length));
  return spool
    .keys()
    .filter((key) => key.startsWith(prefix))
    .toSorted((a, b) => nth(a) - nth(b));
}
