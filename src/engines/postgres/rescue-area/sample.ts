import type { RunId } from "../../../core/ids.ts";
import type { TableName } from "../../inspect.ts";
import type { ConflictKind, SampleRow } from "../../rescue-area.ts";
import { type Column, fromTable } from "../catalogue.ts";
import type { Connection, Row } from "../connection.ts";
import { areaOf } from "./area.ts";
import { comparison, isKeyed, type Keyed, keyColumns, sameKey } from "./comparison.ts";
import { conflictSql } from "./conflicts.ts";

/** The first, the last, and evenly between; of those in conflict the first. Every value is the server's own text. */
export async function sampleArea(
  connection: Connection,
  run: RunId,
  table: TableName,
  wanted: number,
  conflict?: ConflictKind,
): Promise<readonly SampleRow[]> {
  const area = await areaOf(connection, run, table);
  const one = comparison(area);
  const ours = area.columns.map((column, at) => `r.${column.quoted} as r${at}`);
  const doing = `taking a sample of ${area.rows}`;
  if (conflict !== undefined) return isKeyed(one) ? conflicting(connection, one, conflict, wanted) : [];
  const ordinals = spread(area.filled?.rows ?? 0, wanted);
  const which = `where r.${area.ordinal} = any ($1::bigint[]) order by r.${area.ordinal}`;
  if (!isKeyed(one)) {
    const found = await connection.rows(doing, `select ${ours.join(", ")} from ${area.rows} as r ${which}`, [ordinals]);
    return found.map((row) => ({ rescued: values(row, area.columns, "r"), present: null }));
  }
  const there = `k.${keyColumns(one)[0]?.quoted ?? ""} is not null as there`;
  const found = await connection.rows(
    doing,
    `select ${[...ours, ...theirs(area.columns, "k"), there].join(", ")} from ${one.rescued}
     left join ${fromTable(area.shape)} as k on ${sameKey(one, "k")} ${which}`,
    [ordinals],
  );
  return found.map((row) => sampleOf(row, area.columns));
}

async function conflicting(
  connection: Connection,
  one: Keyed,
  kind: ConflictKind,
  wanted: number,
): Promise<readonly SampleRow[]> {
  const { columns, ordinal, rows } = one.area;
  const conflict = conflictSql(one, kind);
  if (conflict === null) return [];
  const { from, where, against } = conflict;
  const ours = columns.map((column, at) => `r.${column.quoted} as r${at}`);
  const beside = against === null ? ["false as there"] : [...theirs(columns, against), "true as there"];
  const found = await connection.rows(
    `taking rows in conflict out of ${rows}`,
    `select ${[...ours, ...beside].join(", ")} from ${from} where ${where} order by r.${ordinal} limit $1`,
    [wanted],
  );
  return found.map((row) => sampleOf(row, columns));
}

function theirs(columns: readonly Column[], alias: string): readonly string[] {
  return columns.map((column, at) => `${alias}.${column.quoted} as k${at}`);
}

function sampleOf(row: Row, columns: readonly Column[]): SampleRow {
  return {
    rescued: values(row, columns, "r"),
    present: row["there"] === "t" ? values(row, columns, "k") : null,
  };
}

/** Ordinals from 1 to `last`, both ends among them. */
export function spread(last: number, wanted: number): readonly string[] {
  const many = Math.min(last, Math.max(0, wanted));
  const step = many > 1 ? (last - 1) / (many - 1) : 0;
  return Array.from({ length: many }, (_none, at) => String(1 + Math.round(at * step)));
}

function values(row: Row, columns: readonly Column[], prefix: string): Readonly<Record<string, string | null>> {
  return Object.fromEntries(columns.map((column, at) => [column.name, row[`${prefix}${at}`] ?? null]));
}
