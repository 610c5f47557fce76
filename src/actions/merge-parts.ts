import type { MergeTable } from "../engines/merge.ts";
import type { ActionContext } from "./action.ts";

/** Rows of one table, from after one ordinal up to another (null: all that are left), under a marker of their own. */
export interface Part {
  readonly item: string;
  readonly after: number;
  readonly upTo: number | null;
}

/** Below this a second session costs more than it brings. */
const fewestBatches = 2;

/**
 * How a table's rows are shared among sessions. A merge that has begun goes on in the parts that it began with, whatever the limits say
 * now: their markers tell.
 */
export async function partsOf(ctx: ActionContext, request: MergeTable, rows: number): Promise<readonly Part[]> {
  const items = (await ctx.markers()).map(({ key }) => key.slice(ctx.step.length + 1));
  const begun = numberOfParts(request.table, items);
  if (begun !== null) return split(request.table, rows, begun);
  const wanted = mostParts(rows, ctx.limits.batchRows, ctx.limits.mergeSessions);
  const divided = wanted > 1 && (await ctx.capability("merge").divisible(request));
  return split(request.table, rows, divided ? wanted : 1);
}

export function mostParts(rows: number, batchRows: number, sessions: number): number {
  return Math.max(1, Math.min(sessions, Math.floor(rows / (fewestBatches * batchRows))));
}

/** Null: nothing of the table was begun. `items`: what follows the step in the keys of its markers. */
function numberOfParts(table: string, items: readonly string[]): number | null {
  if (items.includes(table)) return 1;
  const parts = items.flatMap((item) => (item.startsWith(`${table}/`) ? [item.slice(table.length + 1)] : []));
  const of = parts.map((part) => /^part-\d+-of-(\d+)$/.exec(part)?.[1]).find((found) => found !== undefined);
  return of === undefined ? null : Number(of);
}

/** Of one size, but for the last; a single part has the table's own name. */
function split(table: string, rows: number, parts: number): readonly Part[] {
  if (parts === 1) return [{ item: table, after: 0, upTo: null }];
  const size = Math.ceil(rows / parts);
  return Array.from({ length: parts }, (_, nth) => ({
    item: `${table}/part-${nth + 1}-of-${parts}`,
    after: nth * size,
    upTo: nth + 1 === parts ? null : (nth + 1) * size,
  }));
}

/** When one fails the others end after the batch that they are in; all are waited for, and what failed first is thrown. */
export async function sideBySide<T>(
  parts: readonly Part[],
  work: (part: Part, broken: AbortSignal) => Promise<T>,
): Promise<readonly T[]> {
  const broken = new AbortController();
  const all = parts.map((part) =>
    work(part, broken.signal).catch((error: unknown) => {
      broken.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(all);
  if (broken.signal.aborted) throw broken.signal.reason;
  return Promise.all(all);
}
