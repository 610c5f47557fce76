import { crc32 } from "node:zlib";
import { Fault } from "../../../core/errors.ts";
import type { TableName } from "../../inspect.ts";
import type { Parts } from "../names.ts";
import { rowsKindOf } from "./event-types.ts";
import { headerBytes, type LogEvent } from "./events.ts";
import { readRows, type RowImages, tableIdOf } from "./row-images.ts";
import { readTableMap, type TableMap } from "./table-map.ts";

/** Which rows of which transaction, and into which tables of ours. */
export interface Wanted {
  /** Bytes of the file: the transaction's first, and behind its last. */
  readonly from: number;
  readonly to: number;
  readonly into: ReadonlyMap<TableName, Parts>;
  /** Rows as they were before the statement, or as it left them; a deleted row has no other than the first. */
  readonly image: "before" | "after";
  /** About so many bytes of events in one statement. */
  readonly atOnce: number;
}

export type Rewritten =
  /** Of the file; each session has to be told it once, before its transaction. */
  | { readonly kind: "format"; readonly events: Buffer }
  /** One statement's: descriptions of tables and the rows that are to be inserted there. */
  | { readonly kind: "rows"; readonly events: Buffer; readonly rows: number };

/**
 * The images of a transaction's rows as events that insert them elsewhere, for the server's own `BINLOG`: an event of deleted rows has the
 * same body as one of inserted rows, so the bytes of each value go as they stand, and none is read. In the log's order, several of one row
 * too. Faults `HF-MYSQL-IMAGE` where an image does not have every column, or can't be followed: nothing is guessed.
 */
export async function* rewrite(events: AsyncIterable<LogEvent>, wanted: Wanted): AsyncGenerator<Rewritten> {
  const maps = new Map<number, TableMap & { readonly event: LogEvent }>();
  let checksums = false;
  let batch = emptyBatch();
  for await (const event of events) {
    if (event.kind === "format") {
      checksums = event.bytes[event.bytes.length - checksumBytes - 1] === 1;
      yield { kind: "format", events: event.bytes };
    }
    if (event.from < wanted.from || event.from >= wanted.to) continue;
    if (event.kind === "table-map") {
      const map = readTableMap(event.body);
      maps.set(map.id, { ...map, event });
    }
    if (event.kind !== "rows") continue;
    const map = maps.get(tableIdOf(event.body));
    const into = map && wanted.into.get(map.name);
    if (map === undefined || into === undefined) continue;
    const rows = inserting(event, map, wanted.image, checksums);
    if (rows === null) continue;
    if (batch.bytes > 0 && batch.bytes + rows.event.length > wanted.atOnce) {
      yield closed(batch, checksums);
      batch = emptyBatch();
    }
    if (!batch.described.has(map.id)) {
      batch.described.add(map.id);
      put(batch, elsewhere(map, into, checksums));
    }
    put(batch, rows.event);
    batch.rows += rows.count;
    batch.last = rows.event;
  }
  if (batch.bytes > 0) yield closed(batch, checksums);
}

interface Gathering {
  readonly events: Buffer[];
  readonly described: Set<number>;
  bytes: number;
  rows: number;
  last: Buffer | null;
}

function emptyBatch(): Gathering {
  return { events: [], described: new Set(), bytes: 0, rows: 0, last: null };
}

function put(batch: Gathering, event: Buffer): void {
  batch.events.push(event);
  batch.bytes += event.length;
}

/** STMT_END_F: the server applies what it was told when it meets it, and forgets the tables. */
const statementEnd = 1;
const flagsAt = headerBytes + 6;

function closed(batch: Gathering, checksums: boolean): Rewritten {
  const { last } = batch;
  if (last !== null) {
    last.writeUInt16LE(last.readUInt16LE(flagsAt) | statementEnd, flagsAt);
    sealed(last, checksums);
  }
  return { kind: "rows", events: Buffer.concat(batch.events), rows: batch.rows };
}

/** Insert, in each of the two forms. */
const insertTypes = { 1: 23, 2: 30 } as const;

function inserting(
  event: LogEvent,
  map: TableMap,
  image: Wanted["image"],
  checksums: boolean,
): { readonly event: Buffer; readonly count: number } | null {
  const images = readRows(event.type, event.body, map);
  if (images === null || !images.full) throw unclear(map, images);
  if (images.kind === "insert" || (images.kind === "delete" && image === "after")) return null;
  const { bitmapsAt, bitmapBytes, rows } = images;
  const body = Buffer.concat([event.body.subarray(0, bitmapsAt + bitmapBytes), ...slices(event.body, images, image)]);
  body.writeUInt16LE(body.readUInt16LE(6) & ~statementEnd, 6);
  const bytes = framed(event, body, checksums);
  bytes[4] = insertTypes[rowsKindOf(event.type).form];
  return { event: sealed(bytes, checksums), count: rows };
}

function slices(body: Buffer, { kind, from, ends }: RowImages, image: Wanted["image"]): readonly Buffer[] {
  if (kind === "delete") return [body.subarray(from)];
  const wanted = image === "before" ? 0 : 1;
  return ends.flatMap((end, nth) => (nth % 2 === wanted ? [body.subarray(nth === 0 ? from : ends[nth - 1], end)] : []));
}

function elsewhere(map: TableMap & { readonly event: LogEvent }, { schema, table }: Parts, checksums: boolean): Buffer {
  const { body } = map.event;
  const names = Buffer.concat([named(schema), named(table)]);
  const moved = Buffer.concat([body.subarray(0, map.namesAt), names, body.subarray(map.namesEnd)]);
  return sealed(framed(map.event, moved, checksums), checksums);
}

function named(name: string): Buffer {
  const bytes = Buffer.from(name, "utf8");
  return Buffer.concat([Buffer.from([bytes.length]), bytes, Buffer.from([0])]);
}

const checksumBytes = 4;

function framed({ bytes }: LogEvent, body: Buffer, checksums: boolean): Buffer {
  return Buffer.concat([bytes.subarray(0, headerBytes), body, Buffer.alloc(checksums ? checksumBytes : 0)]);
}

/** Its length, no place in any file, and its checksum. */
function sealed(event: Buffer, checksums: boolean): Buffer {
  event.writeUInt32LE(event.length, 9);
  event.writeUInt32LE(0, 13);
  if (checksums) event.writeUInt32LE(crc32(event.subarray(0, -checksumBytes)), event.length - checksumBytes);
  return event;
}

function unclear({ name }: TableMap, images: RowImages | null): Fault {
  const why = images === null ? "can't be followed to their end" : "do not have every column (binlog_row_image)";
  return new Fault("HF-MYSQL-IMAGE", `the log's rows of ${name} ${why}`, {
    exit: "refused",
    still: "Nothing was written to your tables.",
    hint: "Take another recovery path: a clone from a backup.",
  });
}
