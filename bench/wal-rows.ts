import { headStarts } from "../src/engines/head-starts.ts";
import type { Statement } from "../src/engines/evidence.ts";
import type { Connection } from "../src/engines/postgres/connection.ts";
import { evidence } from "../src/engines/postgres/evidence.ts";
import { postgresTarget } from "../src/engines/postgres/target.ts";
import { startTestServer, type TestServer } from "../test/support/postgres.ts";
import { requestTo } from "../test/support/request.ts";
import { absolute, type Figure, timed } from "./timing.ts";

/**
 * P1, the log's path: of 1 M rows 900,000 are deleted and vacuumed away; how long until they can be read again. Cold: a checkpoint came
 * right before the DELETE, so that each page is in the log. Warm: the log must be replayed from the table's making on, with updates between.
 */
export async function walRows(rows = 1_000_000): Promise<readonly Figure[]> {
  const server = await startTestServer({
    settings: { autovacuum: "off", max_wal_size: "8GB", min_wal_size: "64MB", shared_buffers: "512MB" },
  });
  try {
    const sql = await server.connect("postgres");
    await sql.client.query("create extension pageinspect schema public; create extension pg_walinspect schema public");
    const cold = await readable(server, sql, rows, "cold");
    const warm = await readable(server, sql, rows, "warm");
    await sql.close();
    const what = `${((rows * 9) / 10).toLocaleString("en-US")} vacuumed rows readable again out of the log`;
    return [
      absolute("P1", `${what}, cold pages`, cold / 1000, 10, "s"),
      absolute("P1", `${what}, warm pages`, warm / 1000, 20, "s"),
    ];
  } finally {
    await server.end();
  }
}

async function readable(server: TestServer, sql: Connection, rows: number, pages: "cold" | "warm"): Promise<number> {
  if (pages === "warm") await dropLog(sql); // what was read before is no part of it
  await sql.client.query(
    `drop table if exists public.t; create table public.t (id int primary key, customer int, placed timestamptz, total numeric(12,2), note text, big text);
    alter table public.t alter column big set storage external;
    insert into public.t select n, n % 1000, now(), n / 7.0, md5(n::text), case when n % 200 = 0 then repeat(md5(n::text), 60) end from generate_series(1, ${rows}) n`,
  );
  if (pages === "warm") await sql.client.query("update public.t set total = total + 1 where id % 20 = 0");
  if (pages === "cold") await dropLog(sql);
  await sql.client.query("begin");
  const { xid } = await sql.row("asking", "select pg_current_xact_id()::text as xid");
  const taken = await sql.run("the bad DELETE", "delete from public.t where id % 10 <> 0");
  await sql.client.query("commit");
  await sql.client.query("vacuum public.t");
  const { ms, result } = await timed(() => recovered(server, xid ?? "", taken));
  if (result !== taken) throw new Error(`${result} of ${taken} rows came back`);
  return ms;
}

/** A checkpoint after which the files before it are gone. */
async function dropLog(sql: Connection): Promise<void> {
  for (let nth = 0; nth < 2; nth += 1) {
    await sql.client.query("select pg_switch_wal()");
    await sql.client.query("checkpoint");
  }
}

async function recovered(server: TestServer, xid: string, rows: number): Promise<number> {
  const target = postgresTarget(requestTo(server, "postgres"));
  const { run } = target.request.session;
  const held = evidence(target, headStarts());
  const statement: Statement = {
    value: xid,
    kind: "one",
    transactions: [xid],
    subtransactions: [],
    at: null,
    until: null,
    rows,
    tables: [{ table: "public.t", rows }],
    doubts: [],
    who: null,
  };
  const never = new AbortController().signal;
  const watch = { progress: () => undefined, output: () => undefined, pausing: never, signal: never };
  for (const part of await held.recoveryParts(statement, "wal", run)) await part.take();
  const back = await held.recover(statement, "wal", run, watch);
  await back.close();
  await target.close();
  return back.tables.reduce((sum, table) => sum + table.rows, 0);
}
