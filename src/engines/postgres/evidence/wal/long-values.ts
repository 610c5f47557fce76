import { headerBytes, type TupleBytes } from "./tuples.ts";

/** What the walk over a tuple must know of a column; dropped ones included, in their order. */
export interface PhysicalColumn {
  /** -1 = says its own length, -2 = ends with a zero byte. */
  readonly length: number;
  readonly align: string;
}

/** A value that lies in the TOAST relation, in chunks under its id. */
export interface LongValue {
  readonly id: number;
  readonly bytes: number;
}

const hasNulls = 0x0001;
const hasLongValues = 0x0004;
const attributeCount = 0x07ff;
const onDisk = 18;

/** The values of a row that lie outside of it (varatt_external); most rows have none, and say so. */
export function longValues(tuple: TupleBytes, columns: readonly PhysicalColumn[]): readonly LongValue[] {
  const info = tuple.readUInt16LE(20);
  if ((info & hasLongValues) === 0) return [];
  const found: LongValue[] = [];
  const count = Math.min(columns.length, tuple.readUInt16LE(18) & attributeCount);
  let at = tuple.readUInt8(22);
  for (let nth = 0; nth < count; nth += 1) {
    const column = columns[nth];
    if (!column || ((info & hasNulls) !== 0 && isNull(tuple, nth))) continue;
    at = aligned(tuple, at, column);
    if (column.length === -1 && tuple[at] === 0x01 && tuple[at + 1] === onDisk)
      found.push({ id: tuple.readUInt32LE(at + 10), bytes: tuple.readUInt32LE(at + 6) & 0x3fffffff });
    at += lengthAt(tuple, at, column);
  }
  return found;
}

function isNull(tuple: TupleBytes, nth: number): boolean {
  return (tuple.readUInt8(headerBytes + (nth >> 3)) & (1 << (nth & 7))) === 0;
}

const alignments: Readonly<Record<string, number>> = { c: 1, s: 2, i: 4, d: 8 };

/** A value with a short header stands at once; padding before the others is zero. */
function aligned(tuple: TupleBytes, at: number, { length, align }: PhysicalColumn): number {
  if (length === -1 && tuple[at] !== 0) return at;
  const to = alignments[align] ?? 1;
  return Math.ceil(at / to) * to;
}

function lengthAt(tuple: TupleBytes, at: number, { length }: PhysicalColumn): number {
  if (length >= 0) return length;
  if (length === -2) return tuple.indexOf(0, at) - at + 1;
  return varlena(tuple, at);
}

/** Header and value of a varlena: one byte of header where the lowest bit is set, else four; a pointer into TOAST has 18. */
function varlena(tuple: TupleBytes, at: number): number {
  const first = tuple.readUInt8(at);
  if (first === 0x01) return 18;
  return (first & 1) === 1 ? first >>> 1 : tuple.readUInt32LE(at) >>> 2;
}

/** What has been found of long values: bytes by id. */
export interface Chunks {
  add(chunk: TupleBytes): void;
  whole(value: LongValue): boolean;
}

/** Memory grows with the number of long values, not with their length. */
export function chunksFound(): Chunks {
  const bytes = new Map<number, number>();
  return {
    add: (chunk) => {
      const at = chunk.readUInt8(22); // chunk_id, chunk_seq, chunk_data: none is ever null
      const id = chunk.readUInt32LE(at);
      const header = (chunk.readUInt8(at + 8) & 1) === 1 ? 1 : 4;
      bytes.set(id, (bytes.get(id) ?? 0) + varlena(chunk, at + 8) - header);
    },
    whole: ({ id, bytes: wanted }) => bytes.get(id) === wanted,
  };
}
