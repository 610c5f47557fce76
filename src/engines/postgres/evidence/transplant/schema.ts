import pg from "pg";
import type { ColumnShape } from "../columns.ts";
import { parts, scratchSchema, type TypeShape } from "./types.ts";

/** A table as the scratch server needs it: same ids, same physical columns, no constraints, no indexes. */
export interface TableShape {
  readonly table: string;
  readonly oid: number;
  readonly rowType: number;
  readonly rowArray: number;
  readonly toast: { readonly oid: number; readonly index: number } | null;
  readonly columns: readonly ColumnShape[];
  /** Numbers of the primary key's columns, in its order; empty = none. */
  readonly key: readonly number[];
}

/** In pg_upgrade's mode every id is chosen by the caller (pg_upgrade_support.c), as pg_dump --binary-upgrade writes it. */
const preset = (what: string, oid: number) => `SELECT binary_upgrade_set_next_${what}('${oid}'::oid)`;

/** Before 15 a file has no id of its own to choose: in this mode it is called as its relation's id. */
export const presetsFiles = "to_regprocedure('binary_upgrade_set_next_heap_relfilenode(oid)') IS NOT NULL";

export function tableName(oid: number): string {
  return `${scratchSchema}.r${oid}`;
}

export function columnName(column: ColumnShape): string {
  return `c${column.number}`;
}

/** Statements that make the types, then the tables. `files`: whether the server knows `presetsFiles`. */
export function schemaStatements(
  tables: readonly TableShape[],
  types: ReadonlyMap<number, TypeShape>,
  files: boolean,
): readonly string[] {
  const made = new Set<number>();
  const statements = [`CREATE SCHEMA ${scratchSchema}`];
  const make = (oid: number) => {
    const type = types.get(oid);
    if (!type || type.builtin || made.has(oid)) return;
    made.add(oid);
    for (const part of parts(type)) make(part);
    statements.push(...typeStatements(type, types));
  };
  for (const { columns } of tables) for (const { type, dropped } of columns) if (!dropped) make(type);
  return [...statements, ...tables.flatMap((table) => tableStatements(table, types, files))];
}

function typeStatements(type: TypeShape, types: ReadonlyMap<number, TypeShape>): readonly string[] {
  const ids = [preset("pg_type_oid", type.oid), preset("array_pg_type_oid", type.arrayOid)];
  switch (type.kind) {
    case "enum":
      return [
        ...ids,
        `CREATE TYPE ${type.name} AS ENUM ()`,
        ...type.labels.flatMap((one) => labelStatements(type, one)),
      ];
    case "domain":
      return [...ids, `CREATE DOMAIN ${type.name} AS ${typeName(type.of, types)}`];
    case "range":
      return type.multirange === null ? [] : [...ids, ...rangeStatements(type, type.multirange, types)];
    case "composite":
      return [...ids, ...compositeStatements(type, types)];
    case "array": // made with its element
    case "base":
    case "unknown":
      return [];
  }
}

function labelStatements(type: TypeShape, { label, oid }: TypeShape["labels"][number]): readonly string[] {
  return [preset("pg_enum_oid", oid), `ALTER TYPE ${type.name} ADD VALUE ${pg.escapeLiteral(label)}`];
}

function rangeStatements(
  type: TypeShape,
  multirange: NonNullable<TypeShape["multirange"]>,
  types: ReadonlyMap<number, TypeShape>,
): readonly string[] {
  return [
    preset("multirange_pg_type_oid", multirange.oid),
    preset("multirange_array_pg_type_oid", multirange.arrayOid),
    `CREATE TYPE ${type.name} AS RANGE (subtype = ${typeName(type.of, types)}, multirange_type_name = ${scratchSchema}.t${multirange.oid})`,
  ];
}

function compositeStatements(type: TypeShape, types: ReadonlyMap<number, TypeShape>): readonly string[] {
  const name = `${scratchSchema}.t${type.oid}`;
  return [
    preset("heap_pg_class_oid", type.relation),
    `CREATE TYPE ${name} AS (${type.columns.map((column) => columnText(column, types)).join(", ")})`,
    ...type.columns
      .filter(({ dropped }) => dropped)
      .flatMap((column) => dropStatements(name, column, "TYPE", "ATTRIBUTE")),
  ];
}

function tableStatements(table: TableShape, types: ReadonlyMap<number, TypeShape>, files: boolean): readonly string[] {
  const name = tableName(table.oid);
  const file = (what: string, oid: number) => (files ? [preset(`${what}_relfilenode`, oid)] : []);
  const { toast, columns } = table;
  return [
    preset("pg_type_oid", table.rowType),
    preset("array_pg_type_oid", table.rowArray),
    preset("heap_pg_class_oid", table.oid),
    ...file("heap", table.oid),
    ...(toast === null
      ? []
      : [
          preset("toast_pg_class_oid", toast.oid),
          ...file("toast", toast.oid),
          preset("index_pg_class_oid", toast.index),
          ...file("index", toast.index),
        ]),
    `CREATE TABLE ${name} (${columns.map((column) => columnText(column, types)).join(", ")})`,
    ...columns.filter(({ dropped }) => dropped).flatMap((column) => dropStatements(name, column, "TABLE", "COLUMN")),
    ...columns.flatMap((column) => missingStatement(name, column)),
  ];
}

function columnText(column: ColumnShape, types: ReadonlyMap<number, TypeShape>): string {
  return `${columnName(column)} ${column.dropped ? "pg_catalog.int4" : columnType(column.type, types)}`;
}

/** A dropped column's values still lie in the rows: a stand-in with their length and alignment takes their place, and is dropped. */
function dropStatements(owner: string, column: ColumnShape, kind: string, part: string): readonly string[] {
  const { length, align, byValue } = column;
  return [
    `UPDATE pg_attribute SET attlen = ${length}, attalign = ${pg.escapeLiteral(align)}, attbyval = ${byValue}
      WHERE attrelid = '${owner}'::regclass AND attname = '${columnName(column)}'`,
    `ALTER ${kind} ${owner} DROP ${part} ${columnName(column)}`,
  ];
}

function missingStatement(table: string, column: ColumnShape): readonly string[] {
  if (column.missing === null || column.dropped) return [];
  const value = pg.escapeLiteral(column.missing);
  return [`SELECT binary_upgrade_set_missing_value('${table}'::regclass, '${columnName(column)}', ${value})`];
}

/** Types whose text is a name in the catalogue: their ids are handed out as numbers, which the same types read back. */
const catalogueNames = new Set([24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191]);

/** How a column is declared: what lies in it is that of a domain's base type. */
function columnType(oid: number, types: ReadonlyMap<number, TypeShape>): string {
  const type = types.get(oid);
  if (type?.kind === "domain") return columnType(type.of, types);
  return catalogueNames.has(oid) ? "pg_catalog.oid" : typeName(oid, types);
}

function typeName(oid: number, types: ReadonlyMap<number, TypeShape>): string {
  return types.get(oid)?.name ?? "pg_catalog.oid";
}

/** Columns that can't be carried, each by name with the reason; empty = all can. */
export function unfitColumns(table: TableShape, types: ReadonlyMap<number, TypeShape>): readonly string[] {
  return table.columns
    .filter(({ dropped }) => !dropped)
    .flatMap((column) => {
      const why = unfit(column.type, types, new Set());
      return why === null ? [] : [`${table.table}.${column.name} (${why})`];
    });
}

function unfit(oid: number, types: ReadonlyMap<number, TypeShape>, seen: Set<number>): string | null {
  const type = types.get(oid);
  if (!type || type.kind === "unknown") return `type ${type?.words ?? oid} belongs to an extension or another table`;
  if (seen.has(oid)) return null;
  seen.add(oid);
  for (const part of parts(type)) {
    const why = unfit(part, types, seen);
    if (why !== null) return why;
  }
  return null;
}
