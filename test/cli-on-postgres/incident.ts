import { onTestFinished } from "vitest";
import type { Connection } from "../../src/engines/postgres/connection.ts";
import type { TestServer } from "../support/postgres.ts";

/** As small as a shop can be and still have what a merge can get wrong: identity, generated, enum, array, jsonb, TOAST, a cascade. */
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
    from generate_series(1, 300) n;
  insert into shop.lines (order_id, what) select 1 + n % 300, 'line ' || n from generate_series(1, 600) n;
  alter table shop.orders set (autovacuum_enabled = off, fillfactor = 90);
  analyze`;

/** Each catalogue row as it lies there: a write, even one that was taken back, moves it or changes who wrote it. */
const catalogues = `select c.oid::regclass::text as name from pg_class c
  where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r' order by 1`;

const ours = `(select oid from pg_namespace where nspname = 'holdfast')`;
const oursToo = `(select oid from pg_class where relnamespace in ${ours} union
  select reltoastrelid from pg_class where relnamespace in ${ours} union
  select indexrelid from pg_index join pg_class on pg_class.oid = indrelid
    where relnamespace in ${ours} or pg_class.oid in (select reltoastrelid from pg_class where relnamespace in ${ours}))`;

/** What of ours, or of what we may change, is on the server. The schema holdfast (the marker table) is made to stay, pg_temp_* is PostgreSQL's own. */
const footprint = `select 'slot ' || slot_name as what from pg_replication_slots
  union all select 'option ' || c.oid::regclass || ' ' || array_to_string(c.reloptions, ',') from pg_class c where c.reloptions is not null and c.relnamespace >= 16384
  union all select 'extension ' || extname from pg_extension where extname <> 'plpgsql'
  union all select 'session ' || application_name from pg_stat_activity where application_name like 'holdfast:%'
  union all select 'lock ' || pid from pg_locks where locktype = 'advisory'
  union all select 'classes ' || md5(string_agg((to_jsonb(c) - '{relpages,reltuples,relallvisible,relallfrozen}'::text[])::text, e'\\n' order by c.oid))
    from pg_class c where c.oid not in ${oursToo}
  union all select 'columns ' || md5(string_agg((to_jsonb(a) - 'attmissingval')::text, e'\\n' order by attrelid, attnum))
    from pg_attribute a where attrelid not in ${oursToo}
  union all select 'schemas ' || md5(string_agg(to_jsonb(n)::text, e'\\n' order by n.oid)) from pg_namespace n
    where nspname <> 'holdfast' and nspname !~ '^pg_(toast_)?temp_'
  order by 1`;

export interface Incident {
  readonly database: string;
  readonly url: string;
  /** Under no session of ours but this one. */
  readonly session: Connection;
  /** Of every row, as text. Reads: dead rows may go with it. */
  content(): Promise<unknown>;
  readonly before: unknown;
  /** Everything of the footprint, after the sessions of a process that has ended have gone. */
  footprint(): Promise<readonly string[]>;
  readonly clean: readonly string[];
  /** Closes what it has open on the server, before the test's end. */
  leave(): Promise<void>;
  /** The pages of the tables as they lie on disk, and every row of every catalogue with its place and writer. */
  bytes(): Promise<Readonly<Record<string, unknown>>>;
}

const content = `select (select md5(string_agg(o::text, E'\\n' order by id)) from shop.orders o) as orders,
  (select md5(string_agg(l::text, E'\\n' order by id)) from shop.lines l) as lines,
  (select count(*) from shop.orders) as order_count, (select count(*) from shop.lines) as line_count`;

/** A database of its own with a third of its orders deleted, and their lines with them. A report that is still open keeps the dead rows. */
export async function anIncident(
  server: TestServer,
  database: string,
  /** `like`: another incident's database, in which nobody is any more; this one is a copy of it, file by file. */
  options: { readonly before?: string; readonly statement?: string; readonly like?: string } = {},
): Promise<Incident> {
  const making = await server.connect("postgres");
  await making.client.query(`drop database if exists ${database} with (force)`);
  await making.client.query(`create database ${database} template ${options.like ?? "template1"}`);
  await making.close();
  const session = await server.connect(database);
  if (options.like === undefined) await session.client.query(tables);
  if (options.before !== undefined) await session.client.query(options.before);
  const before = await session.row("reading", content);
  const clean = await footprintOf(session);
  const report = await server.connect(database);
  await report.client.query("begin isolation level repeatable read; select 1");
  await session.client.query(options.statement ?? "delete from shop.orders where state = 'cancelled'");
  const leave = async () => {
    await report.close();
    await session.close();
  };
  onTestFinished(leave);
  return {
    database,
    url: server.url(database).reveal(),
    session,
    content: () => session.row("reading", content),
    before,
    clean,
    footprint: () => settled(session, clean),
    leave,
    bytes: () => bytesOf(session),
  };
}

export async function footprintOf(session: Connection): Promise<readonly string[]> {
  return (await session.rows("looking", footprint)).map((row) => row.what ?? "");
}

/** A session of a process that has ended takes the server a moment to notice. */
async function settled(session: Connection, clean: readonly string[]): Promise<readonly string[]> {
  let now: readonly string[] = [];
  for (let tries = 0; tries < 40; tries += 1) {
    now = await footprintOf(session);
    if (JSON.stringify(now) === JSON.stringify(clean)) return now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return now;
}

async function bytesOf(session: Connection): Promise<Readonly<Record<string, unknown>>> {
  await session.client.query("checkpoint");
  const found: Record<string, unknown> = {};
  for (const { name } of await session.rows("looking", catalogues)) {
    const sql = `select md5(string_agg(concat_ws(' ', xmin, ctid, c::text), e'\\n' order by ctid)) as is from ${name} c`;
    found[name ?? ""] = (await session.row("looking", sql)).is;
  }
  const files = `select c.oid::regclass::text as name, md5(pg_read_binary_file(pg_relation_filepath(c.oid))) as is
    from pg_class c where relkind in ('r', 'i', 't', 'S') and (relnamespace = 'shop'::regnamespace or oid in
      (select reltoastrelid from pg_class where relnamespace = 'shop'::regnamespace))`;
  for (const { name, is } of await session.rows("looking", files)) found[`file ${name}`] = is;
  const settings = await session.rows(
    "looking",
    "select sourcefile, name, setting from pg_file_settings order by 1, 2",
  );
  return { ...found, slots: await session.rows("looking", "select slot_name from pg_replication_slots"), settings };
}
