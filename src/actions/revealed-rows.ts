import type { RevealedRow } from "../core/step.ts";
import type { SampleRow } from "../engines/rescue-area.ts";

/** Rows of each table, one table after the other. */
export async function revealedRows(
  tables: readonly { readonly table: string }[],
  sample: (table: string) => Promise<readonly SampleRow[]>,
): Promise<readonly RevealedRow[]> {
  const rows: RevealedRow[] = [];
  for (const { table } of tables) rows.push(...(await sample(table)).map((row) => ({ from: table, ...row })));
  return rows;
}
