import { crc32c } from "./crc32c.ts";
import { pageBytes, type Segment } from "./segments.ts";

/** The resource managers whose records are looked into; their numbers are the same from 14 to 18. */
export const manager = { xlog: 0, transaction: 1, storage: 2, tablespace: 5, standby: 8, heap2: 9, heap: 10 } as const;

/** One record as it lies in the log (access/xlogrecord.h). `bytes` is a view: keep nothing of it. */
export interface LogRecord {
  readonly position: bigint;
  readonly xid: number;
  readonly manager: number;
  readonly info: number;
  readonly bytes: Buffer;
}

/** Gives the bytes of a file of the log, of its nth copy; null where there is no further one. */
export type ReadSegment = (segment: Segment, copy: number) => Promise<Buffer | null>;

/** Where the log is damaged: nothing is known of what is after it. */
export interface Damage {
  readonly at: bigint;
  readonly segment: Segment;
}

/** Behind the last whole record; the file that is not there or does not go on from it, or null where all were read. */
export interface ReadUpTo {
  readonly end: bigint;
  readonly stoppedAt: Segment | null;
  /** Null too where a file is not there at all. */
  readonly damage: Damage | null;
}

const headBytes = 24;
const continued = 0x0001;
const longHead = 0x0002;
const givenUp = 0x0008;
const switchInfo = 0x40;

/**
 * Every record whose beginning lies in the files, in order, each proved by its checksum and its link to the one before. Only a switch
 * ends a file early; whatever else ends one before `upTo` is damage, and another copy of the file is tried. What begins at `upTo` or
 * after it is not read.
 */
export async function eachRecord(
  segments: readonly Segment[],
  read: ReadSegment,
  upTo: bigint,
  visit: (record: LogRecord) => void,
): Promise<ReadUpTo> {
  const reading: Reading = { visit, upTo, open: null, last: null, end: 0n, visited: -1 };
  for (const segment of segments) {
    const stopped = await readSegment(reading, segment, read, upTo);
    if (stopped === "missing") return { end: reading.end, stoppedAt: segment, damage: null };
    if (stopped === null) continue;
    if (stopped >= upTo) break;
    return { end: reading.end, stoppedAt: segment, damage: { at: stopped, segment } };
  }
  const isCut = reading.open !== null && reading.open.position < upTo && reading.open.end <= upTo;
  const last = segments.at(-1);
  if (!isCut || !last || !reading.open) return { end: reading.end, stoppedAt: null, damage: null };
  return { end: reading.end, stoppedAt: last, damage: { at: reading.open.position, segment: last } };
}

/** A record that is not whole yet; `end` is the least that it can end at. */
interface Begun {
  readonly position: bigint;
  readonly parts: readonly Buffer[];
  readonly have: number;
  readonly need: number;
  readonly end: bigint;
}

/** Records that lie across pages and files are put together. */
interface Reading {
  readonly visit: (record: LogRecord) => void;
  readonly upTo: bigint;
  open: Begun | null;
  /** Where the last record began; null = not known yet. */
  last: number | null;
  end: bigint;
  /** The last one that was given out: another copy of a file gives none twice. */
  visited: number;
}

/** Where reading stops in a file; null = nowhere, the next one goes on. */
type Stop = bigint | null;

/** Reads the first copy that is whole, else what the one that came furthest holds. */
async function readSegment(reading: Reading, segment: Segment, read: ReadSegment, upTo: bigint) {
  const { open, last, end } = reading;
  let furthest: { readonly stop: bigint; readonly state: Pick<Reading, "open" | "last" | "end"> } | null = null;
  for (let copy = 0; ; copy += 1) {
    const bytes = await read(segment, copy);
    if (bytes === null) break;
    Object.assign(reading, { open, last, end });
    const stop = readFile(reading, segment.start, bytes);
    if (stop === null || stop >= upTo) return stop;
    if (furthest === null || stop > furthest.stop)
      furthest = { stop, state: { open: reading.open, last: reading.last, end: reading.end } };
  }
  if (furthest === null) return "missing";
  Object.assign(reading, furthest.state);
  return furthest.stop;
}

function readFile(reading: Reading, start: bigint, bytes: Buffer): Stop {
  for (let offset = 0; offset + pageBytes <= bytes.length; offset += pageBytes) {
    const page = bytes.subarray(offset, offset + pageBytes);
    const pageStart = start + BigInt(offset);
    if (page[1] !== 0xd1 || page.readBigUInt64LE(8) !== pageStart) return pageStart;
    const from = beginningOf(reading, page, pageStart);
    if (from === "broken") return pageStart;
    // After a switch the rest of the file is empty, and the next one goes on.
    if (from === "switch") return null;
    const stop = from === null ? null : recordsOn(reading, page, pageStart, from);
    if (stop !== null) return stop === "switch" ? null : stop;
  }
  return null;
}

/** Where the first record of the page begins, after what goes on from the page before; null where none does; "broken" at a gap. */
function beginningOf(reading: Reading, page: Buffer, pageStart: bigint): number | null | "broken" | "switch" {
  const info = page.readUInt16LE(2);
  const head = (info & longHead) !== 0 ? 40 : headBytes;
  // After a crash a record that was never written to its end is given up.
  if ((info & givenUp) !== 0) reading.open = null;
  if ((info & continued) === 0) return reading.open === null ? head : "broken";
  const rest = page.readUInt32LE(16);
  const here = Math.min(rest, page.length - head);
  if (reading.open !== null) {
    const went = goOn(reading, reading.open, page.subarray(head, head + here), pageStart + BigInt(head), rest);
    if (went !== "whole") return went;
  }
  return rest > page.length - head ? null : aligned(head + rest);
}

function goOn(reading: Reading, open: Begun, part: Buffer, at: bigint, rest: number): "whole" | "broken" | "switch" {
  if (open.have + rest !== open.need) return "broken";
  const [parts, have] = [[...open.parts, part], open.have + part.length];
  if (have < open.need) {
    reading.open = { ...open, parts, have };
    return "whole";
  }
  reading.open = null;
  const whole = Buffer.concat(parts);
  const how = finish(reading, Number(open.position), whole, 0, whole.length);
  if (how !== "broken") reading.end = at + BigInt(part.length);
  return how;
}

/**
 * Records that begin on the page from `at` on; where they stop, "switch", or null where the next page goes on. Millions go through here:
 * positions are numbers (exact up to 8 PiB of log), and a record is cut out of its page when somebody looks into it.
 */
function recordsOn(reading: Reading, page: Buffer, pageStart: bigint, from: number): Stop | "switch" {
  const [start, upTo] = [Number(pageStart), Number(reading.upTo)];
  let [at, done] = [from, from];
  let stop: Stop | "switch" = null;
  while (at + 4 <= page.length) {
    const length = page.readUInt32LE(at);
    const position = start + at;
    if (length < headBytes || position >= upTo) {
      stop = BigInt(position);
      break;
    }
    if (at + length > page.length) {
      const part = page.subarray(at);
      const end = BigInt(position + length);
      reading.open = { position: BigInt(position), parts: [part], have: part.length, need: length, end };
      break;
    }
    const how = finish(reading, position, page, at, at + length);
    if (how !== "broken") done = at + length;
    if (how !== "whole") {
      stop = how === "switch" ? how : BigInt(position);
      break;
    }
    at = aligned(at + length);
  }
  if (done > from) reading.end = BigInt(start + done);
  return stop;
}

/** A record is only looked at once its checksum and its link are proved. It lies in `bytes` from `at` to `end`. */
function finish(
  reading: Reading,
  position: number,
  bytes: Buffer,
  at: number,
  end: number,
): "whole" | "broken" | "switch" {
  const before = bytes.readUInt32LE(at + 8) + bytes.readUInt32LE(at + 12) * 2 ** 32;
  if (reading.last !== null && before !== reading.last) return "broken";
  // What the record says, then its head up to the checksum.
  const checksum = crc32c(bytes, at, at + 20, crc32c(bytes, at + headBytes, end));
  if (checksum !== bytes.readUInt32LE(at + 20)) return "broken";
  reading.last = position;
  const record = new RecordAt(position, bytes, at, end);
  if (position > reading.visited) {
    reading.visited = position;
    reading.visit(record);
  }
  return record.manager === manager.xlog && (record.info & 0xf0) === switchInfo ? "switch" : "whole";
}

class RecordAt implements LogRecord {
  readonly xid: number;
  readonly manager: number;
  readonly info: number;
  readonly #position: number;
  readonly #page: Buffer;
  readonly #at: number;
  readonly #end: number;

  constructor(position: number, page: Buffer, at: number, end: number) {
    this.xid = page.readUInt32LE(at + 4);
    this.info = page.readUInt8(at + 16);
    this.manager = page.readUInt8(at + 17);
    this.#position = position;
    this.#page = page;
    this.#at = at;
    this.#end = end;
  }

  get position(): bigint {
    return BigInt(this.#position);
  }

  get bytes(): Buffer {
    return this.#page.subarray(this.#at, this.#end);
  }
}

function aligned(at: number): number {
  return (at + 7) & ~7;
}
