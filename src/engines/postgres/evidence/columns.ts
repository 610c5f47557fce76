import type { Connection } from "../connection.ts";

/** A column as its values lie in a row; dropped ones are there too. */
export interface ColumnShape {
  readonly number: number;
  readonly name: string;
  readonly type: number;
  readonly dropped: boolean;
  readonly generated: boolean;
  readonly length: number;
  readonly align: string;
  /** Some of its values may be compressed by lz4, which not every build of the server knows. */
  readonly lz4: boolean;
  readonly byValue: boolean;
  /** The value that rows from before ADD COLUMN … DEFAULT have, as an array's text. */
  readonly missing: string | null;
}

/** Of a table or a composite type, in the order of the row on disk. */
export async function columnShapes(connection: Connection, relation: number): Promise<readonly ColumnShape[]> {
  const rows = await connection.rows(
    "looking up columns",
    `SELECT attnum::text AS number, attname::text AS name, atttypid::text AS type, attisdropped::text AS dropped, attgenerated::text AS generated,
            attlen::text AS length, attalign::text AS align,
            (attlen = -1 AND (attcompression = 'l' OR (attcompression = '' AND current_setting('default_toast_compression') = 'lz4')))::text AS lz4, attbyval::text AS by_value, attmissingval::text AS missing
       FROM pg_attribute WHERE attrelid = $1::text::oid AND attnum > 0 ORDER BY attnum`,
    [String(relation)],
  );
  return rows.map((row) => ({
    number: Number(row.number),
    name: row.name ?? "",
    type: Number(row.type),
    dropped: row.dropped === "true",
    generated: row.generated !== "",
    length: Number(row.length),
    align: row.align ?? "",
    lz4: row.lz4 === "true",
    byValue: row.by_value === "true",
    missing: row.missing ?? null,
  }));
}
