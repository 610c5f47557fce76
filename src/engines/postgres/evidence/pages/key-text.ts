import type { RowKeyText } from "../../../evidence.ts";
import type { TableName } from "../../../inspect.ts";
import { lockFreeShape, rowKey } from "../../catalogue.ts";
import type { Connection } from "../../connection.ts";
import { type ColumnShape, columnShapes } from "../columns.ts";
import { eachValue, varlena } from "./values.ts";

/** Reads a version's key out of its bytes, as the server would write it; null where a value is packed, or not in the row. */
export type KeyReader = (tuple: Buffer) => RowKeyText | null;

/** From the catalogue alone. Null without a key, or with one of a type whose bytes are not read here. */
export async function keyReaderOf(asking: Connection, table: TableName): Promise<KeyReader | null> {
  const shape = await lockFreeShape(asking, table);
  const key = rowKey(shape);
  if (key === null) return null;
  const columns = await columnShapes(asking, Number(shape.oid));
  const wanted = key.parts.map(({ column }) => columns.findIndex(({ name }) => name === column));
  const { encoding } = await asking.row(
    "asking for the database's encoding",
    "SELECT current_setting('server_encoding') AS encoding",
  );
  const readers = wanted.map((nth) => readerOf(columns[nth], encoding === "UTF8"));
  return readers.includes(null) ? null : reader(columns, wanted, readers as readonly Read[]);
}

type Read = (tuple: Buffer, at: number, length: number) => string | null;

function reader(columns: readonly ColumnShape[], wanted: readonly number[], readers: readonly Read[]): KeyReader {
  const walked = columns.slice(0, Math.max(...wanted) + 1);
  return (tuple) => {
    const found = wanted.map((): string | null => null);
    eachValue(tuple, walked, (nth, at, length) => {
      const place = wanted.indexOf(nth);
      if (place >= 0) found[place] = readers[place]?.(tuple, at, length) ?? null;
    });
    return found.includes(null) ? null : (found as RowKeyText);
  };
}

/** By the type's id in the server's own catalogue (pg_type.dat), which never changes for these. */
function readerOf(column: ColumnShape | undefined, isUtf8: boolean): Read | null {
  switch (column?.type) {
    case 20:
      return (tuple, at) => tuple.readBigInt64LE(at).toString();
    case 21:
      return (tuple, at) => String(tuple.readInt16LE(at));
    case 23:
      return (tuple, at) => String(tuple.readInt32LE(at));
    case 26:
      return (tuple, at) => String(tuple.readUInt32LE(at));
    case 2950:
      return (tuple, at) => uuid(tuple.toString("hex", at, at + 16));
    case 25:
    case 1042:
    case 1043:
      return isUtf8 ? text : null;
    default:
      return null;
  }
}

function uuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Null: compressed, or in the TOAST relation. */
function text(tuple: Buffer, at: number): string | null {
  const first = tuple.readUInt8(at);
  if (first === 0x01 || (first & 3) === 2) return null;
  return tuple.toString("utf8", at + ((first & 1) === 1 ? 1 : 4), at + varlena(tuple, at));
}
