import type { Connection } from "../connection.ts";
import { isPresent } from "../rescue-area/comparison.ts";
import type { Range } from "./range.ts";
import type { Scope } from "./statements.ts";

/** Ordinals of the rows that go in; usually all of a range. */
export type Chosen = "all" | readonly number[];

/**
 * Which rescued rows a batch did not put in, written down in its own transaction: all others are ours, and theirs are the keys by which the
 * merge can be taken back. What the safety copy foresaw is corrected by what happened.
 */
export interface LeftOut {
  merged(range: Range, chosen: Chosen, inserted: number): Promise<void>;
  refused(ordinal: number): 0;
  /** Rows that stood in conflict, and were written all the same. */
  wrote(ordinals: readonly number[]): void;
  note(range: Range): Promise<void>;
}

export function leftOut(connection: Connection, scope: Scope): LeftOut {
  const { rows, leftOut: place, ordinal } = scope.one.area;
  const left = new Set<number>();
  const ours = new Set<number>();
  const whole: Range[] = [];
  const isOurs = (n: number) => ours.has(n) || whole.some(({ after, upTo }) => n > after && n <= upTo);
  return {
    merged: async (range, chosen, inserted) => {
      const { after, upTo } = range;
      if (chosen === "all") {
        whole.push(range);
        for (const n of left) if (n > after && n <= upTo) left.delete(n);
      } else {
        for (const n of chosen) {
          left.delete(n);
          ours.add(n);
        }
        for (let n = after + 1; n <= upTo; n += 1) if (!isOurs(n)) left.add(n);
      }
      if (inserted === (chosen === "all" ? upTo - after : chosen.length)) return;
      for (const n of await absent(connection, scope, range)) left.add(n);
    },
    refused: (n) => (left.add(n), 0),
    wrote: (ordinals) => {
      for (const n of ordinals) left.delete(n);
    },
    note: async ({ after, upTo }) => {
      const doing = `noting which rows of ${rows} were left out`;
      await connection.run(doing, `delete from ${place} where ${ordinal} > $1 and ${ordinal} <= $2`, [after, upTo]);
      if (left.size === 0) return;
      await connection.run(doing, `insert into ${place} select unnest($1::bigint[])`, [[...left].map(String)]);
    },
  };
}

/** A trigger of the user's swallowed some: those that are not there. */
async function absent(connection: Connection, { one }: Scope, { after, upTo }: Range): Promise<readonly number[]> {
  const { ordinal } = one.area;
  const sql = `select r.${ordinal}::text as n from ${one.rescued} where r.${ordinal} > $1 and r.${ordinal} <= $2 and not ${isPresent(one)}`;
  return (await connection.rows(`looking for rows of ${one.area.table}`, sql, [after, upTo])).map(({ n }) => Number(n));
}
