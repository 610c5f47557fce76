import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { stepOf, type RunState } from "../src/core/run-state.ts";
import type { Connection } from "../src/engines/postgres/connection.ts";
import type { Session } from "../src/runner/session.ts";
import { postgresTarget, testAssembly } from "../test/support/assembly.ts";
import { startTestServer, type TestServer } from "../test/support/postgres.ts";
import { byHand } from "./by-hand.ts";
import { absolute, atMost, type Figure, timed } from "./timing.ts";

const definition = `create table public.t (
  id bigint primary key, customer bigint not null, placed timestamptz not null, total numeric(12,2) not null, state text not null, detail jsonb)`;
const columns = "id, customer, placed, total, state, detail";

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
    const ours = await deleted(server, session, rows, async () => withHoldfast(server));
    await session.close();
    return figures(ours, hand);
  } finally {
    await server.end();
  }
}

interface Ours {
  readonly totalMs: number;
  readonly pinnedMs: number;
  readonly readableMs: number;
  readonly state: RunState;
}

function figures(
  { totalMs, pinnedMs, readableMs, state }: Ours,
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

async function emptyShop(server: TestServer): Promise<Connection> {
  const making = await server.connect("postgres");
  await making.run("making", "create database shop");
  await making.close();
  const session = await server.connect("shop");
  await session.client.query(
    `create extension pageinspect schema public; create table public.customers (id bigint primary key);
    insert into public.customers select generate_series(1, 10000)`,
  );
  return session;
}

/** Each contestant gets the same table and the same damage, fresh, with an older snapshot that keeps it. */
async function deleted<T>(
  server: TestServer,
  session: Connection,
  rows: number,
  recover: (xid: number) => Promise<T>,
): Promise<T> {
  await session.client.query(
    `drop table if exists public.t; ${definition};
    insert into public.t select n, 1 + n % 10000, timestamptz '2026-01-01' + n * interval '1 min', n / 7.0, 'cancelled', jsonb_build_object('n', n) from generate_series(1, ${rows}) n;
    create index on public.t (customer); create index on public.t (placed);
    alter table public.t add foreign key (customer) references public.customers`,
  );
  await session.client.query("vacuum analyze public.t");
  await session.client.query("vacuum public.customers");
  await session.client.query("checkpoint");
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

async function withHoldfast(server: TestServer): Promise<Ours> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-bench-"));
  const assembly = testAssembly({
    reachable: postgresTarget(server.url("shop"), "sandbox"),
    batchRows: 10_000,
    scratch: server.scratch,
    folder,
  });
  try {
    const wishes = { choices: { statement: "largest", path: "recommended" }, keepRescue: false };
    const { ms, result } = await timed(async () => {
      const plan = await assembly.workbench.plan({
        runbook: "restore-after-bad-delete",
        target: "shop",
        inputs: { table: "public.t" },
      });
      const session = assembly.workbench.open(plan, { purpose: "live", wishes, interactive: false, yesSandbox: true });
      const times = timesOf(session);
      return { ...(await session.ended), ...times() };
    });
    if (result.exit !== "ok") throw new Error(`the run ended with ${result.exit}: ${result.fault?.message}`);
    const { pinnedMs, readableMs, state } = result;
    return { totalMs: ms, pinnedMs, readableMs, state };
  } finally {
    await assembly.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** By this process's clock: when each of these events was heard for the first time. */
function timesOf(session: Session): () => { readonly pinnedMs: number; readonly readableMs: number } {
  const heard = new Map<string, number>();
  session.events(({ event }) => {
    const lease = event.kind === "lease.intended" ? event.lease.kind : "";
    const name = [event.kind, "step" in event ? event.step : "", lease].join(" ");
    if (!heard.has(name)) heard.set(name, performance.now());
  });
  const between = (from: string, to: string) => (heard.get(to) ?? Number.NaN) - (heard.get(from) ?? Number.NaN);
  return () => ({
    pinnedMs: between("lease.intended  row-pin", "lease.taken  "),
    readableMs: between("step.intended rescue ", "lease.intended  rescue-area"),
  });
}
