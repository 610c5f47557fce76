import type { Connection } from "../../src/engines/postgres/connection.ts";
import { socketFolder } from "../../src/engines/postgres/server/account.ts";
import { canary } from "../cli-on-postgres/canary.ts";
import type { TestServer } from "../support/postgres.ts";
import { conflictChoices, pathChoices, type PostgresCase, postgresGround } from "./postgres-incident.ts";
import type { CrashWorld, Seen } from "./world.ts";

const lostValue = canary("row").core;
const setup = "create database shop";
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
  update shop.orders set note = '${lostValue}' where id = 2;
  insert into shop.lines (order_id, what) select 1 + n % 900, 'line ' || n from generate_series(1, 1800) n;
  alter table shop.orders set (autovacuum_enabled = off);
  analyze`;

const content = `select (select string_agg(o::text, E'\\n' order by id) from shop.orders o) as orders,
  (select string_agg(l::text, E'\\n' order by id) from shop.lines l) as lines`;

/** What of ours, or of what we may change, is on the server: it has to read the same before and after. */
const footprint = `select 'slot ' || slot_name as what from pg_replication_slots
  union all select 'option ' || c.oid::regclass || ' ' || array_to_string(c.reloptions, ',') from pg_class c where c.reloptions is not null and c.relnamespace >= 16384
  union all select 'extension ' || extname from pg_extension where extname <> 'plpgsql'
  union all select 'schema ' || nspname from pg_namespace where oid >= 16384 and nspname not in ('shop', 'holdfast') and nspname !~ '^pg_(toast_)?temp_'
  union all select format('%s %s', case relkind when 'S' then 'sequence' else 'relation' end, c.oid::regclass) from pg_class c where relnamespace in ('shop'::regnamespace, coalesce(to_regnamespace('holdfast'), 'shop'::regnamespace)) and c.relnamespace <> coalesce(to_regnamespace('holdfast'), 0)
  union all select format('trigger %s %s %s', tgrelid::regclass, case when tgisinternal then 'internal' else tgname end, tgenabled) from pg_trigger
  union all select format('constraint %s %s', conrelid::regclass, conname) from pg_constraint where connamespace = 'shop'::regnamespace
  union all select 'database ' || datname from pg_database
  union all select 'role ' || rolname from pg_roles where oid >= 16384
  union all select 'session ' || coalesce(state, backend_type) || ' ' || application_name from pg_stat_activity where application_name like 'holdfast:%'
  union all select 'prepared ' || gid from pg_prepared_xacts
  union all select 'lock ' || pid from pg_locks where locktype = 'advisory'
  order by 1`;

/** How the statement is named ahead, and how many rows of both tables it takes or changes. */
const statementOf = {
  delete: "largest",
  truncate: "rewrite",
  update: "largest-update",
  remade: "largest",
  changed: "largest-update",
} as const;
const lostBy = { delete: 900, truncate: 2700, update: 300, remade: 900, changed: 300 } as const;

/** One small server for all trials: the incident happens anew for each, and everything has to be back after it. */
export async function postgresWorld(
  which: PostgresCase = { path: "recommended", incident: "delete" },
): Promise<CrashWorld & { readonly server: TestServer; url(): string }> {
  const ground = await postgresGround(which);
  const making = await ground.server.connect("postgres");
  await making.run("making the database", setup);
  await making.close();
  let session = await ground.server.connect("shop");
  await session.client.query(tables);
  const rows = async () => {
    const { orders, lines } = await session.row("reading", content);
    return `${orders}\n\n${lines}`;
  };
  const before: Seen = { rows: await rows(), footprint: await footprintOf(session) };
  const isAsBefore = async () =>
    (await rows()) === before.rows && String(await settled(session, before.footprint)) === String(before.footprint);
  const lost = lostBy[which.incident];
  let report: Connection | null = null;
  return {
    get server() {
      return ground.server;
    },
    url: () => ground.server.url("shop").reveal(),
    engine: "postgres",
    run: ["restore-after-bad-delete", "--target", "shop", "--set", "table=shop.orders"],
    choices: [
      `statement=${statementOf[which.incident]}`,
      ...pathChoices(which.path),
      ...conflictChoices(which.incident),
      "triggers=skip",
    ],
    batchRows: 100,
    results: {
      [which.path === "beside" ? "rescue-rest" : "rescue"]: { rows: lost },
      merge: { inserted: lost, left: 0 },
    },
    lostValue,
    backup: ground.backup,
    socket: () => socketFolder(ground.server.folder),
    memory: () => undefined,
    before: () => before,
    now: async () => ({ rows: await rows(), footprint: await settled(session, before.footprint) }),
    markers: (run) => markersOf(session, run),
    stage: async () => {
      await report?.close();
      if (!(await isAsBefore())) await clean(session);
      await session.run("tidying up", "vacuum shop.orders, shop.lines");
      report = await ground.strike(session);
    },
    restart: async () => {
      await Promise.all([report?.close(), session.close()]);
      report = null;
      await ground.restart();
      session = await ground.server.connect("shop");
    },
    end: async () => {
      await report?.close();
      await session.close();
      await ground.end();
    },
  };
}

async function footprintOf(session: Connection): Promise<readonly string[]> {
  return (await session.rows("looking", footprint)).map((row) => row.what ?? "");
}

/** A session of a killed process takes the server a moment to notice. */
async function settled(session: Connection, wanted: readonly string[]): Promise<readonly string[]> {
  for (let tries = 0; tries < 40; tries += 1) {
    const now = await footprintOf(session);
    if (String(now) === String(wanted)) return now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return footprintOf(session);
}

async function markersOf(session: Connection, run: string) {
  const made = await session.row("looking", "select to_regclass('holdfast.effect') is not null as is_there");
  if (made.is_there !== "t") return [];
  const sql = "select step_key, done, intent_hash from holdfast.effect where run_id = $1 order by 1";
  const rows = await session.rows("reading markers", sql, [run]);
  return rows.map((row) => ({ key: row.step_key ?? "", done: row.done === "t", intent: row.intent_hash ?? "" }));
}

/** A trial that went wrong must not spoil the next. */
async function clean(session: Connection): Promise<void> {
  for (const sql of [
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'holdfast:%'",
    "select pg_drop_replication_slot(slot_name) from pg_replication_slots",
    "drop extension if exists pageinspect cascade",
    "drop extension if exists pg_walinspect cascade",
    "drop schema shop cascade",
  ])
    await session.client.query(sql);
  const left = await session.rows(
    "looking",
    "select quote_ident(nspname) as name from pg_namespace where nspname like 'holdfast\\_%'",
  );
  for (const { name } of left) await session.client.query(`drop schema ${name} cascade`);
  await session.client.query(tables);
}
