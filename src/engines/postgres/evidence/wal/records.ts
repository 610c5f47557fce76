import { to as copyTo } from "pg-copy-streams";
import type { Watch } from "../../../engine.ts";
import type { Connection } from "../../connection.ts";
import { postgresFault } from "../../errors.ts";
import { stopIfAsked } from "../pages/read.ts";
import { binaryRows } from "./copy-binary.ts";
import type { Logged, LogFile } from "./files.ts";
import { encodeRecord, type LogRecord } from "./record.ts";
import type { Spool } from "./spool.ts";
import { logSteps, type LogWindow } from "./window.ts";

/** Pages that are replayed together: 64 MB of them. */
const blocksTogether = 8192;

export interface LogReading {
  readonly connection: Connection;
  /** The schema of pg_walinspect, quoted. */
  readonly schema: string;
  readonly window: LogWindow;
}

/** Reads what the log says of the tables' files, main fork, and sorts it into the spool. */
export async function spoolRecords(reading: LogReading, logged: Logged, spool: Spool, watch: Watch): Promise<void> {
  const { connection, schema, window } = reading;
  const files = logged.tables.flatMap(({ heap, toast }) => (toast === null ? [heap] : [heap, toast]));
  const total = Math.ceil(Number(window.to - window.from) / megabyte);
  const sort = sorter(spool);
  let done = 0;
  watch.progress({ done, total, unit: "MB", note: "the server's log" });
  for await (const step of logSteps(connection, schema, window, "oldest first")) {
    stopIfAsked(watch);
    for await (const rows of rowsOf(connection, recordsSql(schema, step, logged.database, files)))
      for (const row of rows) sort.take(row);
    done += step.bytes / megabyte;
    watch.progress({ done: Math.min(total, Math.round(done)), total, unit: "MB", note: "the server's log" });
  }
  sort.end();
}

const megabyte = 1024 * 1024;

async function* rowsOf(connection: Connection, sql: string) {
  try {
    yield* binaryRows(connection.client.query(copyTo(sql)) as AsyncIterable<Buffer>);
  } catch (error) {
    throw postgresFault(error, "reading the server's log", "reading");
  }
}

/** Only what can change which rows stand on a page, and every whole page. Numbers and positions alone are put into the text. */
function recordsSql(
  schema: string,
  step: { readonly from: string; readonly to: string },
  database: number,
  files: readonly LogFile[],
): string {
  const spaces = new Set(files.map(({ tablespace }) => tablespace));
  const ours = [...spaces].map((space) => {
    const nodes = files.filter(({ tablespace }) => tablespace === space).map(({ filenode }) => filenode);
    return `(reltablespace = ${space} AND relfilenode IN (${nodes.join(", ")}))`;
  });
  return `COPY (SELECT start_lsn, block_id, reltablespace, relfilenode, relblocknumber, xid, record_type, description, block_data,
      CASE WHEN 'APPLY' = ANY (block_fpi_info) THEN block_fpi_data END
    FROM ${schema}.pg_get_wal_block_info('${step.from}', '${step.to}')
   WHERE reldatabase = ${database} AND relforknumber = 0 AND (${ours.join(" OR ")})
     AND (record_type ~ '^(INSERT|MULTI_INSERT|UPDATE|HOT_UPDATE|DELETE|PRUNE|VACUUM$)' OR 'APPLY' = ANY (block_fpi_info))
  ) TO STDOUT (FORMAT binary)`;
}

interface Raw {
  readonly lsn: bigint;
  readonly key: string;
  readonly block: number;
  readonly first: boolean;
  readonly xid: number;
  readonly kind: string;
  readonly words: string;
  readonly data: Buffer | null;
  readonly image: Buffer | null;
}

/** An UPDATE's two pages follow each other: the earlier waits until it is known whether there is a second. */
function sorter(spool: Spool) {
  let nth = 0;
  let waiting: Raw | null = null;
  const put = (raw: Raw, other: number) => {
    const { key, block, first, xid, kind, words, data, image } = raw;
    const record: LogRecord = { nth: (nth += 1), block, other, first, xid, kind, words, data, image };
    spool.add(spoolKey(key, block), encodeRecord(record));
  };
  return {
    take: (fields: readonly (Buffer | null)[]) => {
      const raw = rawOf(fields);
      const pair = waiting !== null && waiting.lsn === raw.lsn && waiting.key === raw.key;
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

function rawOf(fields: readonly (Buffer | null)[]): Raw {
  const [lsn, part, space, node, block, xid, kind, words, data, image] = fields;
  if (!lsn || !part || !space || !node || !block || !xid) throw new Error("a record of the log without a place");
  return {
    lsn: lsn.readBigUInt64BE(0),
    key: `${space.readUInt32BE(0)}/${node.readUInt32BE(0)}`,
    block: Number(block.readBigInt64BE(0)),
    first: part.readInt16BE(0) === 0,
    xid: xid.readUInt32BE(0),
    kind: kind?.toString("latin1") ?? "",
    words: words?.toString("latin1") ?? "",
    data: data ?? null,
    image: image ?? null,
  };
}

function spoolKey(file: string, block: number): string {
  return `${file}/${Math.floor(block / blocksTogether)}`;
}

/** The spool's keys of one file, in the order of its pages. */
export function keysOf(spool: Spool, { tablespace, filenode }: LogFile): readonly string[] {
  const prefix = `${tablespace}/${filenode}/`;
  const nth = (key: string) => Number(key.slice(prefix.length));
  return spool
    .keys()
    .filter((key) => key.startsWith(prefix))
    .toSorted((a, b) => nth(a) - nth(b));
}
