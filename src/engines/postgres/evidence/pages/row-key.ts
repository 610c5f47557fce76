import type { TableName } from "../../../inspect.ts";
import { lockFreeShape, rowKey, type UniqueKey } from "../../catalogue.ts";
import type { Connection } from "../../connection.ts";
import { columnShapes } from "../columns.ts";
import { eachValue, type PhysicalColumn } from "./values.ts";

/** Reads by which key a version is a row, out of its bytes. */
export interface RowKey {
  /** False where two keys may be the same though their bytes differ (a number with another scale, a collation that ignores case). */
  readonly exact: boolean;
  /** Null where the value is packed, or too old to be in the row. */
  of(tuple: Buffer): string | null;
}

/** From the catalogue alone; null where the table has no key by which two versions are the same row. */
export async function rowKeyOf(asking: Connection, table: TableName): Promise<RowKey | null> {
  const shape = await lockFreeShape(asking, table);
  const key = rowKey(shape);
  if (key === null) return null;
  const wanted = key.parts.map(({ column }) => shape.columns.findIndex(({ name }) => name === column));
  const columns = await columnShapes(asking, Number(shape.oid));
  return { exact: await isExact(asking, shape.oid, key), of: reader(columns, wanted) };
}

/**
 * The server itself tells of which types and collations equal values have equal bytes (support function 4 of a b-tree's operator class);
 * a numeric with a fixed scale has them too.
 */
async function isExact(asking: Connection, oid: string, { name }: UniqueKey): Promise<boolean> {
  const { exact } = await asking.row(
    "asking how a key is compared",
    `SELECT bool_and(coalesce(l.collisdeterministic, true) AND (EXISTS (SELECT FROM pg_amproc p WHERE p.amprocfamily = o.opcfamily
              AND p.amprocnum = 4 AND p.amproclefttype = o.opcintype AND p.amprocrighttype = o.opcintype)
            OR (a.atttypid = 'numeric'::regtype AND a.atttypmod <> -1)))::text AS exact
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid CROSS JOIN generate_series(0, i.indnkeyatts - 1) k
       JOIN pg_opclass o ON o.oid = i.indclass[k] JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]
       LEFT JOIN pg_collation l ON l.oid = i.indcollation[k]
      WHERE i.indrelid = $1::text::oid AND c.relname = $2`,
    [oid, name],
  );
  return exact === "true";
}

/** `wanted`: numbers of the key's columns, from 0. */
function reader(columns: readonly PhysicalColumn[], wanted: readonly number[]): RowKey["of"] {
  const walked = columns.slice(0, Math.max(...wanted) + 1);
  return (tuple) => {
    const found = wanted.map((): string | null => null);
    eachValue(tuple, walked, (nth, at, length) => {
      const place = wanted.indexOf(nth);
      if (place >= 0) found[place] = valueAt(tuple, at, length, walked[nth]?.length === -1);
    });
    return found.includes(null) ? null : found.map((value) => `${value?.length}:${value}`).join("");
  };
}

/** Without the header that says its length, which has two forms for the same value. Null: compressed, or in the TOAST relation. */
function valueAt(tuple: Buffer, at: number, length: number, saysLength: boolean): string | null {
  if (!saysLength) return tuple.toString("latin1", at, at + length);
  const first = tuple.readUInt8(at);
  if (first === 0x01 || (first & 3) === 2) return null;
  return tuple.toString("latin1", at + ((first & 1) === 1 ? 1 : 4), at + length);
}
