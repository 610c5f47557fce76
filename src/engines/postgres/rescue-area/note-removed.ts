import type { RunId } from "../../../core/ids.ts";
import type { Transaction } from "../../engine.ts";
import type { RowKeyText } from "../../evidence.ts";
import type { TableName } from "../../inspect.ts";
import { lockFreeShape } from "../catalogue.ts";
import { connectionOf } from "../transaction.ts";
import { areaTables, findArea } from "./area.ts";
import { comparison, isKeyed, keyColumns } from "./comparison.ts";

/** Compares nothing with the user's table, which may be locked, or hold dead rows that a read would take. */
export async function noteRemoved(
  tx: Transaction,
  run: RunId,
  table: TableName,
  keys: readonly RowKeyText[],
): Promise<number> {
  const connection = connectionOf(tx);
  const area = findArea(await areaTables(connection, run, lockFreeShape), table, run);
  const doing = `noting which rows of ${area.rows} were removed since`;
  await connection.run(doing, `truncate ${area.removed}`);
  const one = comparison(area);
  if (!isKeyed(one) || keys.length === 0) return 0;
  const columns = keyColumns(one);
  const given = columns.map((_column, at) => `$${at + 1}::text[]`).join(", ");
  const same = columns.map(({ quoted, baseType }, at) => `r.${quoted} = k.c${at}::${baseType}`).join(" and ");
  return connection.run(
    doing,
    `insert into ${area.removed} select r.${area.ordinal} from ${area.rows} as r
       join unnest(${given}) as k (${columns.map((_column, at) => `c${at}`).join(", ")}) on ${same} on conflict do nothing`,
    columns.map((_column, at) => keys.map((key) => key[at] ?? "")),
  );
}
