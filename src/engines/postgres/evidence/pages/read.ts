import { to as copyTo } from "pg-copy-streams";
import { Fault } from "../../../../core/errors.ts";
import type { Watch } from "../../../engine.ts";
import type { Connection } from "../../connection.ts";
import { postgresFault } from "../../errors.ts";
import { pageSize } from "./layout.ts";

/** Where raw pages come from. Reading them prunes nothing, unlike any SQL on the table. */
export interface PageSource {
  readonly connection: Connection;
  /** The schema of pageinspect, quoted. */
  readonly inspect: string;
  /** Rests this share of the time that reading took, so that the server's hot pages find their way back. */
  readonly rest: number;
}

export interface Pages {
  readonly first: number;
  /** Ours alone: may be changed in place. */
  readonly pages: readonly Buffer[];
}

const blocksAtOnce = 2048;
const copyHeader = 19;
const recordHeader = 6;

/** All pages of a relation, in order, a few at a time: memory does not grow with the table. `relation` as the server quotes it. */
export async function* rawPages(
  source: PageSource,
  relation: string,
  blocks: number,
  watch: Pick<Watch, "signal">,
): AsyncGenerator<Pages> {
  for (let first = 0; first < blocks; first += blocksAtOnce) {
    stopIfAsked(watch);
    const began = performance.now();
    yield* pagesFrom(source, relation, first, Math.min(blocks, first + blocksAtOnce));
    await pause(source, began);
  }
}

async function pause({ rest }: PageSource, began: number): Promise<void> {
  const rested = (performance.now() - began) * rest;
  if (rested > 1) await new Promise((resolve) => setTimeout(resolve, rested));
}

/** Of the same pages those that were written after `since` (an LSN): which these are the server finds, and the others stay there. */
export async function* pagesSince(
  source: PageSource,
  relation: string,
  blocks: number,
  since: string,
  watch: Pick<Watch, "signal">,
): AsyncGenerator<{ readonly block: number; readonly page: Buffer }> {
  for (let from = 0; from < blocks; from += blocksAtOnce) {
    stopIfAsked(watch);
    const began = performance.now();
    const some = await writtenSince(source, relation, { from, to: Math.min(blocks, from + blocksAtOnce) - 1, since });
    const series = `pg_catalog.unnest('{${some.join(",")}}'::pg_catalog.int8[]) b`;
    for await (const { first, pages } of streamed(source, relation, series))
      for (const [index, page] of pages.entries()) yield { block: some[first + index] ?? 0, page };
    await pause(source, began);
  }
}

async function writtenSince(
  { inspect, connection }: PageSource,
  relation: string,
  { from, to, since }: { readonly from: number; readonly to: number; readonly since: string },
): Promise<readonly number[]> {
  const rows = await connection.rows(
    "asking which pages were written since",
    `SELECT b::text AS block FROM pg_catalog.generate_series($2::bigint, $3::bigint) b
      WHERE (${inspect}.page_header(${inspect}.get_raw_page($1, 'main', b))).lsn OPERATOR(pg_catalog.>=) $4::pg_catalog.pg_lsn`,
    [relation, String(from), String(to), since],
  );
  return rows.map(({ block }) => Number(block));
}

async function* pagesFrom(source: PageSource, relation: string, from: number, to: number): AsyncGenerator<Pages> {
  const series = `pg_catalog.generate_series(${from}::bigint, ${to - 1}::bigint) b`;
  for await (const { first, pages } of streamed(source, relation, series)) yield { first: from + first, pages };
}

/** Pages of these blocks, in the order in which the series names them; `first` counts from 0. */
async function* streamed(source: PageSource, relation: string, series: string): AsyncGenerator<Pages> {
  const name = source.connection.client.escapeLiteral(relation);
  const sql = `COPY (SELECT ${source.inspect}.get_raw_page(${name}, 'main', b) FROM ${series}) TO STDOUT (FORMAT binary)`;
  let [first, skip, rest]: [number, number, Buffer] = [0, copyHeader, Buffer.alloc(0)];
  try {
    for await (const chunk of source.connection.client.query(copyTo(sql)) as AsyncIterable<Buffer>) {
      const bytes = Buffer.concat([rest, chunk]);
      const pages: Buffer[] = [];
      let at = skip;
      for (; bytes.length - at >= recordHeader + pageSize; at += recordHeader + pageSize)
        pages.push(bytes.subarray(at + recordHeader, at + recordHeader + pageSize));
      [rest, skip] = at > bytes.length ? [Buffer.alloc(0), at - bytes.length] : [bytes.subarray(at), 0];
      if (pages.length > 0) yield { first, pages };
      first += pages.length;
    }
  } catch (error) {
    throw postgresFault(error, "reading raw pages", "reading");
  }
}

export function stopIfAsked(watch: Pick<Watch, "signal">): void {
  if (!watch.signal.aborted) return;
  throw new Fault("HF-PG-CANCELLED", "reading the evidence was stopped", {
    still: "Nothing was changed; what holds the rows still holds them.",
    hint: "Resume to read it again.",
  });
}
