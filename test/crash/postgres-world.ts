import type { Connection } from "../../src/engines/postgres/connection.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import type { CrashWorld } from "./harness.ts";

const setup = `
  create database shop`;
const tables = `
  create schema shop;
  create type shop.state as enum ('open', 'paid', 'cancelled');
  create table shop.orders (
    id bigint generated always as identity primary key,
    state shop.state not null, placed timestamptz not null, tags text[], detail jsonb, note text,
    total numeric(12,2) not null, cents bigint generated always as ((total * 100)::bigint) stored
  );
  create table shop.lines (
    id bigint generated always as identity primary key,
    order_id bigint not null references shop.orders on delete cascade, what text not null
  );
  alter table shop.orders alter column note set storage external;
  insert into shop.orders (state, placed, tags, detail, note, total)
    select (array['open','paid','cancelled'])[1 + n % 3]::shop.state, timestamptz '2026-01-01' + n * interval '7.123456 min', array['t' || n, null],
      jsonb_build_object('n', n), case when n % 10 = 0 then repeat(md5(n::text), 90) else md5(n::text) end, n / 3.0
    from generate_series(1, 900) n;
  insert into shop.lines (order_id, what) select 1 + n % 900, 'line ' || n from generate_series(1, 1800) n;
  alter table shop.orders set (autovacuum_enabled = off);
  analyze`;

const content = `select (select md5(string_agg(o::text, E'\\n' order by id)) from shop.orders o) as orders,
  (select md5(string_agg(l::text, E'\\n' order by id)) from shop.lines l) as lines`;

/** What of ours, or of what we may change, is on the server: it has to read the same before and after. */
const footprint = `select 'slot ' || slot_name as what from pg_replication_slots
  union all select 'option ' || c.oid::regclass || ' ' || array_to_string(c.reloptions, ',') from pg_class c where c.reloptions is not null and c.relnamespace >= 16384
  union all select 'extension ' || extname from pg_extension where extname <> 'plpgsql'
  union all select 'schema ' || nspname from pg_namespace where nspname like 'holdfast_rescue%'
  union all select 'session ' || application_name from pg_stat_activity where application_name like 'holdfast:%'
  union all select 'lock ' || pid from pg_locks where locktype = 'advisory'
  order by 1`;

/** One small server for all trials: the DELETE is done anew for each, and everything has to be back after it. */
export async function postgresWorld(): Promise<CrashWorld & { readonly server: TestServer }> {
  const server = await startTestServer({ settings: { track_commit_timestamp: "on", autovacuum: "off", fsync: "off" } });
  const making = await server.connect("postgres");
  await making.run("making the database", setup);
  await making.close();
  const session = await server.connect("shop");
  await session.client.query(tables);
  const before = await session.row("reading", content);
  const clean = JSON.stringify(await session.rows("looking", footprint));
  let report: Connection | null = null;
  return {
    server,
    engine: "postgres",
    table: "shop.orders",
    batchRows: 100,
    url: () => server.url("shop").reveal(),
    stage: async () => {
      await report?.close();
      await restore(session, before);
      await session.client.query("vacuum shop.orders; ");
      await session.client.query("vacuum shop.lines");
      report = await server.connect("shop");
      await report.client.query("begin isolation level repeatable read; select 1 from shop.orders limit 1");
      await session.run("the bad DELETE", "delete from shop.orders where state = 'cancelled'");
    },
    wrong: async (run) => {
      const now = await session.row("reading", content);
      const left = JSON.stringify(await settled(session, clean));
      return [
        ...(JSON.stringify(now) === JSON.stringify(before) ? [] : [`rows differ: ${JSON.stringify(now)}`]),
        ...(left === clean ? [] : [`left on the server: ${left}`]),
        ...(await wrongMarkers(session, run)),
      ];
    },
    end: async () => {
      await report?.close();
      await session.close();
      await server.end();
    },
  };
}

/** A session of a killed process takes the server a moment to notice. */
async function settled(session: Connection, clean: string) {
  for (let tries = 0; tries < 40; tries += 1) {
    const now = await session.rows("looking", footprint);
    if (JSON.stringify(now) === clean) return now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return session.rows("looking", footprint);
}

/** Every effect of the run is proved by one marker of its very name. */
async function wrongMarkers(session: Connection, run: string): Promise<readonly string[]> {
  const rows = await session.rows(
    "reading markers",
    "select step_key, done from holdfast.effect where run_id = $1 order by 1",
    [run],
  );
  const keys = rows.map((row) => `${row.step_key}${row.done === "t" ? "" : " (not done)"}`);
  const expected = ["shop.lines", "shop.orders"].flatMap((table) => [
    `merge:${table}`,
    `merge:${table}/sequences`,
    `rescue:${table}`,
    `safety-copy:${table}`,
  ]);
  return JSON.stringify(keys) === JSON.stringify(expected.toSorted()) ? [] : [`markers: ${keys.join(", ") || "none"}`];
}

/** A trial that went wrong must not spoil the next. */
async function restore(session: Connection, before: unknown): Promise<void> {
  const now = await session.row("reading", content);
  if (JSON.stringify(now) === JSON.stringify(before)) return;
  await session.client.query("drop schema shop cascade");
  await session.client.query(tables);
}
