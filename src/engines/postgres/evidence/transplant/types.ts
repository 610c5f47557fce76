import pg from "pg";
import type { Connection, Row } from "../../connection.ts";
import { type ColumnShape, columnShapes } from "../columns.ts";

/** Below this, object ids are the same on every server of a major version. */
const firstNormalOid = 16_384;
/** Between this and the first normal one lie ids that initdb hands out: the same by chance only. */
const firstUnpinnedOid = 12_000;

/** A type of production that the scratch server must know by the same id, so that values are right as they lie. */
export interface TypeShape {
  readonly oid: number;
  readonly kind: "base" | "array" | "domain" | "enum" | "composite" | "range" | "unknown";
  /** How the scratch server calls it. */
  readonly name: string;
  /** As production calls it, for words. */
  readonly words: string;
  readonly builtin: boolean;
  readonly arrayOid: number;
  /** The type that it is made of: an array's element, a domain's base, a range's subtype; 0 = none. */
  readonly of: number;
  readonly labels: readonly { readonly label: string; readonly oid: number }[];
  /** A composite's relation, and its attributes. */
  readonly relation: number;
  readonly columns: readonly ColumnShape[];
  readonly multirange: { readonly oid: number; readonly arrayOid: number } | null;
}

export const scratchSchema = "h";

/** All types that the columns need, each after those that it is made of. */
export async function typeShapes(
  connection: Connection,
  columns: readonly ColumnShape[],
): Promise<ReadonlyMap<number, TypeShape>> {
  const known = new Map<number, TypeShape>();
  let wanted = typesOf(columns);
  while (wanted.length > 0) {
    const rows = await typeRows(connection, wanted);
    for (const row of rows) known.set(Number(row.oid), await typeShape(connection, row));
    wanted = [...known.values()].flatMap(parts).filter((oid) => !known.has(oid));
  }
  return known;
}

function typesOf(columns: readonly ColumnShape[]): number[] {
  return [...new Set(columns.filter(({ dropped }) => !dropped).map(({ type }) => type))];
}

/** What it is made of. */
export function parts(type: TypeShape): readonly number[] {
  return type.builtin ? [] : [...(type.of === 0 ? [] : [type.of]), ...typesOf(type.columns)];
}

/** Multiranges are asked for by their range, which makes both. */
async function typeRows(connection: Connection, oids: readonly number[]): Promise<readonly Row[]> {
  return connection.rows(
    "looking up types",
    `SELECT t.oid::text, t.typname::text AS name, format_type(t.oid, NULL) AS words, t.typtype::text AS kind, t.typarray::text AS array,
            t.typelem::text AS elem, t.typbasetype::text AS base, t.typrelid::text AS relation, c.relkind::text,
            (t.typlen = -1 AND t.typelem <> 0 AND t.typsubscript = 'array_subscript_handler'::regproc)::text AS is_array,
            r.rngsubtype::text AS subtype, m.oid::text AS multirange, m.typarray::text AS multirange_array, mr.rngtypid::text AS range
       FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid LEFT JOIN pg_range r ON r.rngtypid = t.oid
       LEFT JOIN pg_type m ON m.oid = r.rngmultitypid LEFT JOIN pg_range mr ON mr.rngmultitypid = t.oid
      WHERE t.oid = ANY ($1::text[]::oid[])`,
    [oids.map(String)],
  );
}

async function typeShape(connection: Connection, row: Row): Promise<TypeShape> {
  const oid = Number(row.oid);
  const kind = kindOf(row);
  const builtin = oid < firstUnpinnedOid || (oid < firstNormalOid && kind === "base");
  const relation = Number(row.relation);
  return {
    oid,
    kind,
    builtin,
    name: nameOf(row, oid, kind, builtin),
    words: row.words ?? "",
    arrayOid: Number(row.array),
    of: partOf(row, kind),
    labels: kind === "enum" ? await labels(connection, oid) : [],
    relation,
    columns: kind === "composite" && !builtin ? await columnShapes(connection, relation) : [],
    multirange: row.multirange == null ? null : { oid: Number(row.multirange), arrayOid: Number(row.multirange_array) },
  };
}

function kindOf(row: Row): TypeShape["kind"] {
  if (row.is_array === "true") return "array";
  if (row.kind === "d") return "domain";
  if (row.kind === "e") return "enum";
  // A column of a table's own row type would need that table.
  if (row.kind === "c") return row.relkind === "c" ? "composite" : "unknown";
  if (row.kind === "r" || row.kind === "m") return "range";
  return Number(row.oid) < firstNormalOid ? "base" : "unknown";
}

function nameOf(row: Row, oid: number, kind: TypeShape["kind"], builtin: boolean): string {
  if (builtin) return `pg_catalog.${pg.escapeIdentifier(row.name ?? "")}`; // a catalogue can be made to say anything
  return kind === "array" ? `${scratchSchema}.t${row.elem}[]` : `${scratchSchema}.t${oid}`;
}

function partOf(row: Row, kind: TypeShape["kind"]): number {
  if (kind === "array") return Number(row.elem);
  if (kind === "domain") return Number(row.base);
  return kind === "range" ? Number(row.subtype ?? row.range) : 0;
}

async function labels(connection: Connection, oid: number): Promise<TypeShape["labels"]> {
  const sql = `SELECT enumlabel::text AS label, oid::text FROM pg_enum WHERE enumtypid = $1::text::oid ORDER BY enumsortorder`;
  const rows = await connection.rows("looking up labels", sql, [String(oid)]);
  return rows.map((row) => ({ label: row.label ?? "", oid: Number(row.oid) }));
}
