import { place } from "../pages/layout.ts";

/** Places of versions in one table, as runs of neighbours: a DELETE of most rows takes a run or two for each page. */
export interface Places {
  add(block: number, offset: number): void;
  /** The others. `out`: places as numbers. */
  without(out: ReadonlySet<number>): Places;
  /** A subquery with one column, `place`: each of them once. */
  sql(): string;
}

export function places(): Places {
  const blocks: number[] = [];
  const firsts: number[] = [];
  const lasts: number[] = [];
  return {
    add: (block, offset) => {
      const end = blocks.length - 1;
      if (blocks[end] === block && lasts[end] === offset - 1) {
        lasts[end] = offset;
        return;
      }
      blocks.push(block);
      firsts.push(offset);
      lasts.push(offset);
    },
    without: (out) => {
      const rest = places();
      for (const [nth, block] of blocks.entries())
        for (let offset = firsts[nth] ?? 1; offset <= (lasts[nth] ?? 0); offset += 1)
          if (!out.has(place(block, offset))) rest.add(block, offset);
      return rest;
    },
    // COPY takes no parameters. Numbers alone stand in the text.
    sql: () => `SELECT ('(' || b || ',' || o || ')')::tid AS place
      FROM unnest('{${blocks.join()}}'::int8[], '{${firsts.join()}}'::int4[], '{${lasts.join()}}'::int4[]) AS u(b, f, l), generate_series(f, l) AS o`,
  };
}
