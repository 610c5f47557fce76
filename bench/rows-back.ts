import { stepOf } from "../src/core/run-state.ts";
import type { Connection } from "../src/engines/postgres/connection.ts";
import { startTestServer, type TestServer } from "../test/support/postgres.ts";
import { byHand } from "./by-hand.ts";
import { columns, definition, emptyShop, fillTable } from "./shop.ts";
import { absolute, atMost, type Figure } from "./timing.ts";
import { type WholeRun, withHoldfast } from "./whole-run.ts";

/**
 * P1: a bad DELETE of 1 M rows is back and proved, against the same steps by hand on the same server, one after the other. Both begin with
 * the rows pinned by an older snapshot.
 */
export async function rowsBack(rows = 1_000_000): Promise<readonly Figure[]> {
  const server = await startTestServer({
    settings: { autovacuum: "off", max_wal_size: "8GB", shared_buffers: "512MB", track_commit_timestamp: "on" },
  });
  try {
    const session = await emptyShop(server);
    const hand = await deleted(server, session, rows, async (xid) => byHand(server, "shop", definition, columns, xid));
    const ours = await deleted(server, session, rows, async () => withHoldfast(server, "recommended"));
    await session.close();
    return figures(ours, hand);
  } finally {
    await server.end();
  }
}

function figures(
  { totalMs, pinnedMs, readableMs, state }: WholeRun,
  hand: Awaited<ReturnType<typeof byHand>>,
): readonly Figure[] {
  const took = (step: string) => stepOf(state, step).took;
  return [
    atMost("P1", "1 M rows back and verified, whole run", totalMs / 1000, hand.totalMs / 1000, 1.1, "s", "by hand"),
    atMost(
      "P1",
      "merge (batches, markers, foreign keys on)",
      took("merge") / 1000,
      hand.insertMs / 1000,
      1 / 0.9,
      "s",
      "one INSERT .. SELECT",
    ),
    absolute("P1", "rows pinned: from the lease's intent to its taking", pinnedMs, 100, "ms"),
    absolute("P1", "rows readable: from the intent to rescue to rows in a scratch server", readableMs, 3000, "ms"),
  ];
}

/** Each contestant gets the same table and the same damage, fresh, with an older snapshot that keeps it. */
async function deleted<T>(
  server: TestServer,
  session: Connection,
  rows: number,
  recover: (xid: number) => Promise<T>,
): Promise<T> {
  await fillTable(session, rows);
  const report = await server.connect("shop");
  await report.client.query("begin isolation level repeatable read; select 1");
  await report.client.query("select count(*) from public.customers");
  await session.client.query("begin");
  const { xid } = await session.row("asking", "select pg_current_xact_id()::text as xid");
  await session.run("the bad DELETE", "delete from public.t");
  await session.client.query("commit");
  const result = await recover(Number(xid));
  await report.close();
  const { count } = await session.row("counting", "select count(*) from public.t");
  if (Number(count) < 1) throw new Error("nothing came back");
  return result;
}
