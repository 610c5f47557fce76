import { type RowsKind, rowsKindOf } from "./event-types.ts";
import { type LoggedColumn, packedNumber, type TableMap } from "./table-map.ts";

/** The rows of one event, as images: no value is read, only how long it is. */
export interface RowImages {
  readonly table: number;
  readonly kind: RowsKind;
  /** Every image has every column. */
  readonly full: boolean;
  readonly rows: number;
  /** Bytes of the body: where the bitmaps of the columns begin, and how long each is. */
  readonly bitmapsAt: number;
  readonly bitmapBytes: number;
  /** Where the first image begins. */
  readonly from: number;
  /** Where each image ends; of an update the former row's comes first, then the new one's. */
  readonly ends: readonly number[];
}

/** Which table an event of rows is about, before its columns are known. */
export function tableIdOf(body: Buffer): number {
  return body.readUIntLE(0, 6);
}

/** Null where a column's type is unknown, or what is there does not fill the event to its last byte. */
export function readRows(type: number, body: Buffer, map: TableMap): RowImages | null {
  const { kind, form } = rowsKindOf(type);
  const [count, bitmapsAt] = packedNumber(body, form === 2 ? 8 + body.readUInt16LE(8) : 8);
  if (count !== map.columns.length) return null;
  const bitmapBytes = (count + 7) >> 3;
  const bitmaps = kind === "update" ? 2 : 1;
  const present = Array.from({ length: bitmaps }, (_, nth) => columnsIn(body, bitmapsAt + nth * bitmapBytes, count));
  const from = bitmapsAt + bitmaps * bitmapBytes;
  const ends = imageEnds(body, from, map.columns, present);
  if (ends === null) return null;
  const full = present.every((columns) => columns.length === count);
  return { table: tableIdOf(body), kind, full, rows: ends.length / bitmaps, bitmapsAt, bitmapBytes, from, ends };
}

/** The ordinals of the columns that an image has. */
function columnsIn(body: Buffer, at: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, column) => column).filter((column) => isSet(body, at, column));
}

function isSet(bytes: Buffer, at: number, bit: number): boolean {
  return (((bytes[at + (bit >> 3)] ?? 0) >> (bit & 7)) & 1) === 1;
}

function imageEnds(
  body: Buffer,
  from: number,
  columns: readonly LoggedColumn[],
  images: readonly (readonly number[])[],
): readonly number[] | null {
  const ends: number[] = [];
  let at = from;
  while (at < body.length) {
    for (const present of images) {
      const end = imageEnd(body, at, columns, present);
      if (end === null || end > body.length) return null;
      ends.push(end);
      at = end;
    }
  }
  return ends;
}

function imageEnd(
  body: Buffer,
  from: number,
  columns: readonly LoggedColumn[],
  present: readonly number[],
): number | null {
  let at = from + ((present.length + 7) >> 3);
  for (const [nth, ordinal] of present.entries()) {
    const column = columns[ordinal];
    if (column === undefined) return null;
    if (isSet(body, from, nth)) continue;
    const bytes = at >= body.length ? null : width(column, body, at);
    if (bytes === null) return null;
    at += bytes;
  }
  return at;
}

const fixed: Readonly<Record<number, number>> = {
  1: 1,
  13: 1,
  2: 2,
  9: 3,
  10: 3,
  11: 3,
  3: 4,
  7: 4,
  4: 4,
  8: 8,
  5: 8,
  12: 8,
};

/** Bytes of a decimal's digits that do not fill a group of nine. */
const digitBytes = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/** How many bytes the value there takes; null for a type that is unknown (MySQL: "Column metadata" of the table map, `enum_field_types`). */
function width({ type, meta: [first, second] }: LoggedColumn, body: Buffer, at: number): number | null {
  const known = fixed[type];
  if (known !== undefined) return known;
  switch (type) {
    case 17:
      return 4 + ((first + 1) >> 1);
    case 18:
      return 5 + ((first + 1) >> 1);
    case 19:
      return 3 + ((first + 1) >> 1);
    case 246:
      return decimalBytes(first - second) + decimalBytes(second);
    case 15:
    case 253:
    case 141:
      return textBytes(first + (second << 8), body, at);
    case 252:
    case 245:
    case 255:
    case 242:
    case 140:
      return first >= 1 && first <= 4 && at + first <= body.length ? first + body.readUIntLE(at, first) : null;
    case 16:
      return second + (first > 0 ? 1 : 0);
    case 247:
    case 248:
      return second;
    case 254:
      return stringBytes(first, second, body, at);
    default:
      return null;
  }
}

function decimalBytes(digits: number): number {
  return Math.floor(digits / 9) * 4 + (digitBytes[digits % 9] ?? 0);
}

/** Its length stands before it, in two bytes where it may be long. */
function textBytes(most: number, body: Buffer, at: number): number | null {
  if (most < 256) return 1 + (body[at] ?? 0);
  return at + 2 <= body.length ? 2 + body.readUInt16LE(at) : null;
}

/** CHAR, ENUM and SET share a type; the first byte says which, and lends two bits to a CHAR's length. */
function stringBytes(first: number, second: number, body: Buffer, at: number): number | null {
  if (first === 247 || first === 248) return second;
  const most = (first & 0x30) === 0x30 ? second : second | (((first & 0x30) ^ 0x30) << 4);
  return textBytes(most, body, at);
}
