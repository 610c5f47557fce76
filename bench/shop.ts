import type { Connection } from "../src/engines/postgres/connection.ts";
import type { TestServer } from "../test/support/postgres.ts";

export const definition = `create table public.t (
  id bigint primary key, customer bigint not null, placed timestamptz not null, total numeric(12,2) not null, state text not null, detail jsonb)`;
export const columns = "id, customer, placed, total, state, detail";

/** A database `shop` with what the table refers to, and a session on it. */
export async function emptyShop(server: TestServer): Promise<Connection> {
  const making = await server.connect("postgres");
  await making.run("making", "create database shop");
  await making.close();
  const session = await server.connect("shop");
  await session.client.query(
    `create extension pageinspect schema public; create extension pg_walinspect schema public; create table public.customers (id bigint primary key);
    insert into public.customers select generate_series(1, 10000)`,
  );
  return session;
}

/** The table, made anew, with two more indexes and a foreign key. */
export async function fillTable(session: Connection, rows: number): Promise<void> {
  await session.client.query(
    `drop table if exists public.t; ${definition};
    insert into public.t select n, 1 + n % 10000, timestamptz '2026-01-01' + n * interval '1 min', n / 7.0, 'cancelled', jsonb_build_object('n', n) from generate_series(1, ${rows}) n;
    create index on public.t (customer); create index on public.t (placed);
    alter table public.t add foreign key (customer) references public.customers`,
  );
  await session.client.query("vacuum analyze public.t");
  await session.client.query("vacuum public.customers");
  await session.client.query("checkpoint");
}
