import { pageBytes, type Segment } from "./segments.ts";

/** The resource managers whose records are looked into; their numbers are the same from 14 to 18. */
export const manager = { xlog: 0, transaction: 1, storage: 2, tablespace: 5, standby: 8, heap: 10 } as const;

/** One record as it lies in the log (access/xlogrecord.h). `bytes` is a view: keep nothing of it. */
export interface LogRecord {
  readonly position: bigint;
  readonly xid: number;
  readonly manager: number;
  readonly info: number;
  readonly bytes: Buffer;
}

/** Gives the bytes of a file of the log; null where it ends. */
export type ReadSegment = (segment: Segment) => Promise<Buffer | null>;

/** Behind the last whole record; the file that is not there or does not go on from it, or null where all were read. */
export interface ReadUpTo {
  readonly end: bigint;
  readonly stoppedAt: Segment | null;
}

const headBytes = 24;
const continued = 0x0001;
const longHead = 0x0002;
const givenUp = 0x0008;

/**
 * Every record whose beginning lies in the files, in order. Ends where the log does: at a file that is not there, a page that is not
 * of this place (a file that is used again), or a record that does not follow on the one before. `from` may be any position within
 * the first file: what began before it is passed over.
 */
export async function eachRecord(
  segments: Iterable<Segment>,
  read: ReadSegment,
  visit: (record: LogRecord) => void,
): Promise<ReadUpTo> {
  const reading: Reading = { visit, open: null, last: null, end: 0n };
  for (const segment of segments) {
    const bytes = await read(segment);
    if (bytes === null || !readFile(reading, segment.start, bytes)) return { end: reading.end, stoppedAt: segment };
  }
  return { end: reading.end, stoppedAt: null };
}

/** Records that lie across pages and files are put together. */
interface Reading {
  readonly visit: (record: LogRecord) => void;
  /** A record that is not whole yet. */
  open: { readonly position: bigint; readonly parts: Buffer[]; have: number; readonly need: number } | null;
  /** Where the last record began; null = not known yet. */
  last: bigint | null;
  end: bigint;
}

/** False where nothing can follow. */
function readFile(reading: Reading, start: bigint, bytes: Buffer): boolean {
  for (let offset = 0; offset + pageBytes <= bytes.length; offset += pageBytes) {
    const page = bytes.subarray(offset, offset + pageBytes);
    const pageStart = start + BigInt(offset);
    if (page[1] !== 0xd1 || page.readBigUInt64LE(8) !== pageStart) return offset > 0 && reading.open === null;
    const from = beginningOf(reading, page, pageStart);
    if (from === "broken") return false;
    // After a switch the rest of the file is empty, and the next one goes on.
    if (from !== null && !recordsOn(reading, page, pageStart, from)) return true;
  }
  return true;
}

/** Where the first record of the page begins, after what goes on from the page before; null where none does; "broken" at a gap. */
function beginningOf(reading: Reading, page: Buffer, pageStart: bigint): number | null | "broken" {
  const info = page.readUInt16LE(2);
  const head = (info & longHead) !== 0 ? 40 : headBytes;
  // After a crash a record that was never written to its end is given up.
  if ((info & givenUp) !== 0) reading.open = null;
  if ((info & continued) === 0) return reading.open === null ? head : "broken";
  const rest = page.readUInt32LE(16);
  const here = Math.min(rest, page.length - head);
  if (reading.open !== null && !goOn(reading, page.subarray(head, head + here), pageStart + BigInt(head), rest))
    return "broken";
  return rest > page.length - head ? null : aligned(head + rest);
}

function goOn(reading: Reading, part: Buffer, at: bigint, rest: number): boolean {
  const { open } = reading;
  if (open === null || open.have + rest !== open.need) return false;
  open.parts.push(part);
  open.have += part.length;
  if (open.have < open.need) return true;
  reading.open = null;
  reading.end = at + BigInt(part.length);
  return finish(reading, open.position, Buffer.concat(open.parts));
}

/** Records that begin on the page from `at` on. False where the log, or what this file holds of it, ends. */
function recordsOn(reading: Reading, page: Buffer, pageStart: bigint, from: number): boolean {
  let at = from;
  while (at + 4 <= page.length) {
    const length = page.readUInt32LE(at);
    const position = pageStart + BigInt(at);
    if (length < headBytes) return false;
    if (at + length > page.length) {
      const part = page.subarray(at);
      reading.open = { position, parts: [part], have: part.length, need: length };
      return true;
    }
    if (!finish(reading, position, page.subarray(at, at + length))) return false;
    reading.end = position + BigInt(length);
    at = aligned(at + length);
  }
  return true;
}

function finish(reading: Reading, position: bigint, bytes: Buffer): boolean {
  if (reading.last !== null && bytes.readBigUInt64LE(8) !== reading.last) return false;
  reading.last = position;
  const [info, kind] = [bytes.readUInt8(16), bytes.readUInt8(17)];
  reading.visit({ position, xid: bytes.readUInt32LE(4), manager: kind, info, bytes });
  return true;
}

function aligned(at: number): number {
  return (at + 7) & ~7;
}
