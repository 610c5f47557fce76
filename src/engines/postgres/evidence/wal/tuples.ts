import { mask } from "../pages/layout.ts";

/** Bytes of a tuple from its header on. The header's first 18 bytes (who made it, who ended it) are left empty: the log does not need them. */
export type TupleBytes = Buffer;

/** What of a tuple's header the log leaves out, in bytes: all before the null bitmap. */
export const headerBytes = 23;

/** What the log's data of a new tuple begins with (xl_heap_header): its two masks and where its values begin. */
interface Short {
  readonly mask2: number;
  readonly mask: number;
  readonly values: number;
}

function shortHeader(data: Buffer, at: number): Short {
  return { mask2: data.readUInt16LE(at), mask: data.readUInt16LE(at + 2), values: data.readUInt8(at + 4) };
}

function tuple(head: Short, parts: readonly Buffer[]): TupleBytes {
  const bytes = Buffer.alloc(headerBytes + parts.reduce((sum, part) => sum + part.length, 0));
  bytes.writeUInt16LE(head.mask2, 18);
  bytes.writeUInt16LE(head.mask, 20);
  bytes.writeUInt8(head.values, 22);
  let at = headerBytes;
  for (const part of parts) at += part.copy(bytes, at);
  return bytes;
}

/** INSERT: five bytes of header, then what stands from the null bitmap on. */
export function insertedTuple(data: Buffer): TupleBytes {
  return tuple(shortHeader(data, 0), [data.subarray(5)]);
}

/** MULTI_INSERT: as many in a row, each on an even place with its length before it. */
export function insertedTuples(data: Buffer, count: number): readonly TupleBytes[] {
  const made: TupleBytes[] = [];
  let at = 0;
  for (let nth = 0; nth < count; nth += 1) {
    at += at & 1;
    const end = at + 7 + data.readUInt16LE(at);
    made.push(tuple(shortHeader(data, at + 2), [data.subarray(at + 7, end)]));
    at = end;
  }
  return made;
}

const [sharesPrefix, sharesSuffix] = [0x20, 0x40];

/** UPDATE: what it has in common with the old version at either end is left out. Null where that is needed and not known. */
export function updatedTuple(data: Buffer, flags: number, old: TupleBytes | null): TupleBytes | null {
  let at = 0;
  const length = (shares: number) => {
    if ((flags & shares) === 0) return 0;
    at += 2;
    return data.readUInt16LE(at - 2);
  };
  const [prefix, suffix] = [length(sharesPrefix), length(sharesSuffix)];
  const head = shortHeader(data, at);
  const body = data.subarray(at + 5);
  if (prefix === 0 && suffix === 0) return tuple(head, [body]);
  if (old === null) return null;
  const bits = prefix === 0 ? 0 : head.values - headerBytes;
  const values = old.readUInt8(22);
  return tuple(head, [
    body.subarray(0, bits),
    old.subarray(values, values + prefix),
    body.subarray(bits),
    old.subarray(old.length - suffix),
  ]);
}

/** A tuple on a whole page out of the log, with who made it (32 bits, 0 = frozen); null where no row stands there. The bytes are the page's own. */
export function tupleOn(page: Buffer, offset: number): { readonly maker: number; readonly bytes: TupleBytes } | null {
  const pointer = 24 + (offset - 1) * 4;
  if (pointer >= page.readUInt16LE(12)) return null;
  const word = page.readUInt32LE(pointer);
  if (((word >>> 15) & 3) !== 1) return null;
  const at = word & 0x7fff;
  const bytes = page.subarray(at, at + (word >>> 17));
  const maker = bytes.readUInt32LE(0);
  const frozen = (bytes.readUInt16LE(20) & mask.frozen) === mask.frozen;
  return { maker: frozen || maker < 3 ? 0 : maker, bytes };
}
