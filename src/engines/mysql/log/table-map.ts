import type { TableName } from "../../inspect.ts";
import { tableName } from "../names.ts";

/** What the log says of a table before its rows: where it is, and of which types its columns are; their names only where the server was told to. */
export interface TableMap {
  readonly id: number;
  readonly schema: string;
  readonly table: string;
  readonly name: TableName;
  readonly columns: readonly LoggedColumn[];
  /** Bytes of the body: where the names begin, and where they end: others can be put in there. */
  readonly namesAt: number;
  readonly namesEnd: number;
}

export interface LoggedColumn {
  readonly type: number;
  /** One or two bytes, as the type has them; 0 where it has none. */
  readonly meta: readonly [number, number];
}

/** MySQL: "Table_map_event" in the source's own documentation of the binary log. */
export function readTableMap(body: Buffer): TableMap {
  const id = body.readUIntLE(0, 6);
  const namesAt = 8;
  const schemaBytes = body[namesAt] ?? 0;
  const schema = body.toString("utf8", namesAt + 1, namesAt + 1 + schemaBytes);
  const tableAt = namesAt + schemaBytes + 2;
  const tableBytes = body[tableAt] ?? 0;
  const table = body.toString("utf8", tableAt + 1, tableAt + 1 + tableBytes);
  const namesEnd = tableAt + tableBytes + 2;
  const [count, typesAt] = packedNumber(body, namesEnd);
  const types = body.subarray(typesAt, typesAt + count);
  const [, metaAt] = packedNumber(body, typesAt + count);
  const columns = columnsOf(types, body, metaAt);
  return { id, schema, table, name: tableName({ schema, table }), columns, namesAt, namesEnd };
}

function columnsOf(types: Buffer, body: Buffer, metaAt: number): readonly LoggedColumn[] {
  let at = metaAt;
  return [...types].map((type) => {
    const bytes = metaBytes(type);
    const meta = [bytes > 0 ? (body[at] ?? 0) : 0, bytes > 1 ? (body[at + 1] ?? 0) : 0] as const;
    at += bytes;
    return { type, meta };
  });
}

const oneByte = new Set([4, 5, 252, 245, 255, 242, 17, 18, 19, 140]);
const twoBytes = new Set([15, 253, 16, 246, 141, 254, 247, 248]);

function metaBytes(type: number): 0 | 1 | 2 {
  if (oneByte.has(type)) return 1;
  return twoBytes.has(type) ? 2 : 0;
}

/** A length as the protocol packs it, and where what follows begins. */
export function packedNumber(bytes: Buffer, at: number): readonly [number, number] {
  const first = bytes[at] ?? 0;
  if (first < 251) return [first, at + 1];
  if (first === 252) return [bytes.readUInt16LE(at + 1), at + 3];
  if (first === 253) return [bytes.readUIntLE(at + 1, 3), at + 4];
  return [Number(bytes.readBigUInt64LE(at + 1)), at + 9];
}
