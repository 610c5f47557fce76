import type { Connection } from "../src/engines/postgres/connection.ts";
import { afterDamage, cloneWithHoldfast, damageIn } from "./clone-rows.ts";
import { emptyShop, fillTable } from "./shop.ts";
import { startTestServer } from "../test/support/postgres.ts";
import { type Figure, round } from "./timing.ts";
import { withHoldfast } from "./whole-run.ts";

const sizes = [100_000, 1_000_000, 5_000_000];
/** A row of the largest table may cost so much more than one of the middle table; the smallest has the fixed costs in it, and no bar. */
const bar = 1.3;

/** How the whole run grows with the table, by each path. Nine tenths of the table are lost each time. */
export async function growth(): Promise<readonly Figure[]> {
  const paths = { "page-transplant": byPages, wal: byLog, clone: byClone };
  const figures: Figure[] = [];
  for (const [name, run] of Object.entries(paths)) {
    const took: number[] = [];
    for (const rows of sizes) {
      process.stderr.write(`  ${name}, ${rows.toLocaleString("en-US")} rows ..\n`);
      took.push(await run(rows));
    }
    figures.push(...took.map((ms, nth) => grown(name, nth, ms, took)));
  }
  return figures;
}

function grown(name: string, nth: number, ms: number, took: readonly number[]): Figure {
  const perRow = (at: number) => (took[at] ?? Number.NaN) / (sizes[at] ?? Number.NaN);
  const isLargest = nth === sizes.length - 1;
  const ratio = perRow(nth) / perRow(1);
  return {
    id: "growth",
    what: `${name}: ${(sizes[nth] ?? 0).toLocaleString("en-US")} rows in the table, nine tenths back and verified`,
    value: `${round(ms / 1000)} s`,
    peer: `a row, against one of 1,000,000: ${round(perRow(nth) * 1000)} us`,
    ratio,
    bar: isLargest ? `<= ${bar} x` : "none",
    met: !isLargest || ratio <= bar,
  };
}

/** An older snapshot keeps the rows on their pages. */
function byPages(rows: number): Promise<number> {
  return onServer(rows, async (server, session) => {
    const report = await server.connect("shop");
    await report.client.query("begin isolation level repeatable read; select 1");
    await damageIn(session);
    const { totalMs } = await withHoldfast(server, "page-transplant");
    await report.close();
    return totalMs;
  });
}

/** Vacuum has taken them from their pages. */
function byLog(rows: number): Promise<number> {
  return onServer(rows, async (server, session) => {
    await damageIn(session);
    await session.client.query("vacuum public.t");
    return (await withHoldfast(server, "wal")).totalMs;
  });
}

async function byClone(rows: number): Promise<number> {
  return (await afterDamage(rows, cloneWithHoldfast)).totalMs;
}

async function onServer(
  rows: number,
  work: (server: Awaited<ReturnType<typeof startTestServer>>, session: Connection) => Promise<number>,
): Promise<number> {
  const settings = { autovacuum: "off", max_wal_size: "16GB", shared_buffers: "512MB", track_commit_timestamp: "on" };
  const server = await startTestServer({ settings });
  try {
    const session = await emptyShop(server);
    await fillTable(session, rows);
    const ms = await work(server, session);
    const { count } = await session.row("counting", "select count(*) from public.t");
    if (Number(count) !== rows) throw new Error(`${count} of ${rows} rows are there`);
    await session.close();
    return ms;
  } finally {
    await server.end();
  }
}
