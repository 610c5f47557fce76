import type { RunId } from "../../../core/ids.ts";
import type { TableName } from "../../inspect.ts";
import type { SampleRow } from "../../rescue-area.ts";
import { type Column, fromTable } from "../catalogue.ts";
import type { Connection, Row } from "../connection.ts";
import { areaOf } from "./area.ts";
import { comparison, isKeyed, keyColumns, sameKey } from "./comparison.ts";

/** The first, the last, and evenly between. Every value is the server's own text. */
export async function sampleArea(
  connection: Connection,
  run: RunId,
  table: TableName,
  wanted: number,
): Promise<readonly SampleRow[]> {
  const area = await areaOf(connection, run, table);
  const ordinals = spread(area.filled?.rows ?? 0, wanted);
  const one = comparison(area);
  const ours = area.columns.map((column, at) => `r.${column.quoted} as r${at}`);
  const theirs = area.columns.map((column, at) => `k.${column.quoted} as k${at}`);
  const doing = `taking a sample of ${area.rows}`;
  const which = `where r.${area.ordinal} = any ($1::bigint[]) order by r.${area.ordinal}`;
  if (!isKeyed(one)) {
    const found = await connection.rows(doing, `select ${ours.join(", ")} from ${area.rows} as r ${which}`, [ordinals]);
    return found.map((row) => ({ rescued: values(row, area.columns, "r"), present: null }));
  }
  const there = `k.${keyColumns(one)[0]?.quoted ?? ""} is not null as there`;
  const found = await connection.rows(
    doing,
    `select ${[...ours, ...theirs, there].join(", ")} from ${one.rescued}
     left join ${fromTable(area.shape)} as k on ${sameKey(one, "k")} ${which}`,
    [ordinals],
  );
  return found.map((row) => ({
    rescued: values(row, area.columns, "r"),
    present: row["there"] === "t" ? values(row, area.columns, "k") : null,
  }));
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
