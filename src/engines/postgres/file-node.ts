import type { Row } from "./connection.ts";

/** A file of a table, an index, … as the log names it: the same number is another file in another tablespace or database. */
export interface FileNode {
  readonly space: number;
  readonly database: number;
  readonly node: number;
}

/** As it lies in a record. */
export function fileNode(bytes: Buffer, at: number): FileNode {
  return { space: bytes.readUInt32LE(at), database: bytes.readUInt32LE(at + 4), node: bytes.readUInt32LE(at + 8) };
}

export function nodeKey({ space, database, node }: FileNode): string {
  return `${space}/${database}/${node}`;
}

export function isSameFile(a: FileNode, b: FileNode): boolean {
  return a.node === b.node && a.database === b.database && a.space === b.space;
}

/** Columns that say where a relation's file lies today. `relation`, `d`: its row of pg_class, and the database's of pg_database. */
export function fileColumns(relation: string, prefix = ""): string {
  return `pg_relation_filenode(${relation}.oid)::text AS ${prefix}node,
          (CASE ${relation}.reltablespace WHEN 0 THEN d.dattablespace ELSE ${relation}.reltablespace END)::text AS ${prefix}space`;
}

/** Out of a row with `fileColumns`, and the database's oid as `database`. */
export function fileIn(row: Row, prefix = ""): FileNode {
  return {
    space: Number(row[`${prefix}space`]),
    database: Number(row.database),
    node: Number(row[`${prefix}node`]),
  };
}
