/** What the walk over a tuple must know of a column; dropped ones included, in their order. */
export interface PhysicalColumn {
  /** -1 = says its own length, -2 = ends with a zero byte. */
  readonly length: number;
  readonly align: string;
}

/** What of a tuple's header stands before the null bitmap, in bytes. */
const headerBytes = 23;
const hasNulls = 0x0001;
const attributeCount = 0x07ff;

/** Where each value of a row lies in it: its column's number in order, from 0, its first byte and its length. Nulls are passed over. */
export function eachValue(
  tuple: Buffer,
  columns: readonly PhysicalColumn[],
  visit: (nth: number, at: number, length: number) => void,
): void {
  const info = tuple.readUInt16LE(20);
  const count = Math.min(columns.length, tuple.readUInt16LE(18) & attributeCount);
  let at = tuple.readUInt8(22);
  for (let nth = 0; nth < count; nth += 1) {
    const column = columns[nth];
    if (!column || ((info & hasNulls) !== 0 && isNull(tuple, nth))) continue;
    at = aligned(tuple, at, column);
    const length = lengthAt(tuple, at, column);
    visit(nth, at, length);
    at += length;
  }
}

function isNull(tuple: Buffer, nth: number): boolean {
  return (tuple.readUInt8(headerBytes + (nth >> 3)) & (1 << (nth & 7))) === 0;
}

const alignments: Readonly<Record<string, number>> = { c: 1, s: 2, i: 4, d: 8 };

/** A value with a short header stands at once; padding before the others is zero. */
function aligned(tuple: Buffer, at: number, { length, align }: PhysicalColumn): number {
  if (length === -1 && tuple[at] !== 0) return at;
  const to = alignments[align] ?? 1;
  return Math.ceil(at / to) * to;
}

function lengthAt(tuple: Buffer, at: number, { length }: PhysicalColumn): number {
  if (length >= 0) return length;
  if (length === -2) return tuple.indexOf(0, at) - at + 1;
  return varlena(tuple, at);
}

/** Header and value of a varlena: one byte of header where the lowest bit is set, else four; a pointer into TOAST has 18. */
export function varlena(tuple: Buffer, at: number): number {
  const first = tuple.readUInt8(at);
  if (first === 0x01) return 18;
  return (first & 1) === 1 ? first >>> 1 : tuple.readUInt32LE(at) >>> 2;
}
