import { onTestFinished } from "vitest";
import type { Connection } from "../../src/engines/postgres/connection.ts";
import type { TestServer } from "../support/postgres.ts";

export interface EveryValue {
  readonly url: string;
  readonly lost: number;
  /** Hash and number of rows of each table, by the server's own text. */
  content(): Promise<unknown>;
  readonly before: unknown;
  /** What is on the server of the kinds of things that a run makes. */
  footprint(): Promise<readonly string[]>;
  readonly clean: readonly string[];
  /** Under no session of ours but this one. */
  readonly session: Connection;
  /** Ends the report, and takes the dead rows off their pages. */
  vacuumed(): Promise<void>;
}

/** Both partitions hold every kind of value; the second was made by itself, with its columns in another order and one dropped of its own. */
const tables = (lz4: boolean) => `
  create schema shop;
  create type shop.mood as enum ('sad', 'it''s fine', 'glad');
  alter type shop.mood add value 'first' before 'sad';
  create type shop.addr as (street text, gone int, m shop.mood);
  alter type shop.addr drop attribute gone;
  create domain shop.word as text check (value <> 'never');
  create type shop.span as range (subtype = float8);
  create table shop.things (id bigint, region text, gone int, amount numeric, at timestamptz, day date, doc jsonb, list int[], m shop.mood,
    ms shop.mood[], a shop.addr, "as" shop.addr[], w shop.word, r int4range, sp shop.span, b bytea, f float8, iv interval, cash money, big text,
    lz text${lz4 ? " compression lz4" : ""}, empty text, "sel""ect" text, primary key (id, region)) partition by list (region);
  create table shop.things_a partition of shop.things for values in ('a');
  create table shop.things_b (lz text${lz4 ? " compression lz4" : ""}, region text not null, alone int, id bigint not null, gone int, amount numeric, at timestamptz,
    day date, doc jsonb, list int[], m shop.mood, ms shop.mood[], a shop.addr, "as" shop.addr[], w shop.word, r int4range, sp shop.span,
    b bytea, f float8, iv interval, cash money, big text, empty text, "sel""ect" text);
  alter table shop.things_b drop column alone;
  alter table shop.things attach partition shop.things_b for values in ('b');
  alter table shop.things_a alter column big set storage external;
  create table shop.parts (id int primary key, thing bigint, region text, note text,
    foreign key (thing, region) references shop.things on delete cascade)`;

const filling = `
  insert into shop.things (id, region, gone, amount, at, day, doc, list, m, ms, a, "as", w, r, sp, b, f, iv, cash, big, lz, empty, "sel""ect")
  select n, case when n % 2 = 0 then 'a' else 'b' end, n,
    case n % 5 when 0 then 'NaN' when 1 then n * 1.10 when 2 then n * 1.1000 else -n * 12345678901234567890.5 end,
    case n % 7 when 0 then 'infinity' when 1 then '-infinity' else timestamptz '2026-01-01 00:00:00.123457+00' + n * interval '1.000001 s' end,
    case n % 6 when 0 then date 'infinity' when 1 then date '0044-03-15 BC' else date '2026-01-01' + n end,
    jsonb_build_object('n', n, 's', repeat('ü', n % 50), 'e', '1.50'::jsonb), array[n, null, -n], (array['first', 'sad', 'it''s fine', 'glad'])[n % 4 + 1]::shop.mood,
    array['glad', null]::shop.mood[], row(E'Gr\\u00fc\\u00dfe\\t' || n, 'sad')::shop.addr, array[row('x,"y', 'glad')::shop.addr, null], 'word ' || n,
    int4range(n, n + 5), shop.span(n, n + 0.5), decode(md5(n::text), 'hex') || '\\x00'::bytea,
    case n % 4 when 0 then float8 '-0' when 1 then float8 'NaN' when 2 then float8 '-Infinity' else n / 3.0::float8 end, n * interval '1 mon 2 days 3.000004 s', (n * 1234567.89)::numeric::money,
    repeat(md5(n::text), 150), repeat(md5(n::text) || 'é', 150), case when n % 2 = 0 then '' end, E'back\\\\slash\\nline'
  from generate_series(1, 300) n;
  -- Over 1 MB: compressed to little, and hardly at all.
  update shop.things set big = repeat(md5(id::text), 40000), lz = repeat(md5(id::text) || 'é', 40000) where id in (17, 44);
  update shop.things set big = (select string_agg(md5((id * i)::text), '') from generate_series(1, 40000) i),
    lz = (select string_agg(md5((id + i)::text), '') from generate_series(1, 40000) i) where id in (18, 43);
  insert into shop.parts select n, n % 300 + 1, case when (n % 300 + 1) % 2 = 0 then 'a' else 'b' end, 'part ' || n from generate_series(1, 900) n;
  alter table shop.things drop column gone;
  alter table shop.things add column late shop.mood default 'it''s fine', add column late2 text default 'a,"b{é';
  insert into shop.things (id, region, late) select n, 'a', 'first' from generate_series(301, 320) n;
  analyze`;

/** One transaction with a savepoint: the rows of its first lock have a multixact as their deleter. */
const accident = `begin; select from shop.things where id <= 60 for key share; savepoint s;
  delete from shop.things where id % 3 <> 0; release s; commit`;

const content = `select (select md5(string_agg(t::text, E'\\n' order by id)) || ' ' || count(*) from shop.things t) as things,
  (select md5(string_agg(p::text, E'\\n' order by id)) || ' ' || count(*) from shop.parts p) as parts,
  (select string_agg(tableoid::regclass || ' ' || n, ', ' order by 1) from (select tableoid, count(*) as n from shop.things group by 1) by_leaf) as leaves`;

const footprint = `select 'slot ' || slot_name as what from pg_replication_slots
  union all select 'extension ' || extname from pg_extension where extname <> 'plpgsql'
  union all select 'option ' || oid::regclass || reloptions::text from pg_class where reloptions is not null and oid >= 16384
  union all select 'schema ' || nspname from pg_namespace where nspname ~ '^holdfast_' order by 1`;

/** A database with two thirds of its things, and their parts, deleted. A report that is still open keeps the dead rows. */
export async function everyValue(
  server: TestServer,
  {
    encoding,
    first = "",
    ready,
  }: {
    readonly encoding: "UTF8" | "LATIN1";
    readonly first?: string;
    /** While everything is still there. */
    readonly ready?: (session: Connection) => Promise<void>;
  },
): Promise<EveryValue> {
  const database = `shop_${encoding.toLowerCase()}`;
  const making = await server.connect("postgres");
  await making.client.query(`drop database if exists ${database} with (force)`);
  await making.client.query(`create database ${database} encoding '${encoding}' locale 'C' template template0`);
  // As a cluster is that was made under another locale than the throw-away server's and the clone's.
  await making.client.query(`alter database ${database} set lc_monetary = 'C.UTF-8'`);
  await making.close();
  const session = await server.connect(database);
  const report = await server.connect(database);
  onTestFinished(async () => {
    await report.close();
    await session.close();
  });
  await session.client.query(first);
  await session.client.query(tables(await knowsLz4(session)));
  await session.client.query(filling);
  const read = () => session.row("reading", content);
  const footprintNow = async () => (await session.rows("looking", footprint)).map((row) => row.what ?? "");
  const [before, clean] = [await read(), await footprintNow()];
  await ready?.(session);
  await report.client.query("begin isolation level repeatable read; select 1");
  await session.client.query(accident);
  return {
    url: server.url(database).reveal(),
    lost: 214 + 600,
    before,
    content: read,
    footprint: footprintNow,
    clean,
    session,
    vacuumed: async () => {
      await report.close();
      for (const table of ["things", "parts"]) await session.run("vacuuming", `vacuum shop.${table}`);
    },
  };
}

async function knowsLz4(session: Connection): Promise<boolean> {
  const sql = "select 'lz4' = any (enumvals) as lz4 from pg_settings where name = 'default_toast_compression'";
  return (await session.row("asking", sql)).lz4 === "t";
}
