import { eachValue, type PhysicalColumn, varlena } from "../pages/values.ts";
import type { TupleBytes } from "./tuples.ts";

/** A value that lies in the TOAST relation, in chunks under its id. */
export interface LongValue {
  readonly id: number;
  readonly bytes: number;
}

const hasLongValues = 0x0004;
const onDisk = 18;

/** The values of a row that lie outside of it (varatt_external); most rows have none, and say so. */
export function longValues(tuple: TupleBytes, columns: readonly PhysicalColumn[]): readonly LongValue[] {
  if ((tuple.readUInt16LE(20) & hasLongValues) === 0) return [];
  const found: LongValue[] = [];
  eachValue(tuple, columns, (nth, at) => {
    if (columns[nth]?.length === -1 && tuple[at] === 0x01 && tuple[at + 1] === onDisk)
      found.push({ id: tuple.readUInt32LE(at + 10), bytes: tuple.readUInt32LE(at + 6) & 0x3fffffff });
  });
  return found;
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
