import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../../src/core/clock.ts";
import { type Connection, connect } from "../../../src/engines/postgres/connection.ts";
import { postgresRehearsals } from "../../../src/engines/postgres/rehearse/rehearsals.ts";
import { shopTables } from "../../../src/engines/postgres/rehearse/shop.ts";
import type { Incident, Rehearsal, Rehearsals } from "../../../src/engines/rehearse.ts";

const scratch = mkdtempSync(path.join(os.tmpdir(), "hf-r-"));
chmodSync(scratch, 0o711);
const place = (): Rehearsals => postgresRehearsals({ scratch, name: "demo", serverBinaries: {}, clock: systemClock });
const quiet = { progress: () => undefined, output: () => undefined };
const open = (rehearsal: Rehearsal) =>
  connect({
    url: rehearsal.url(),
    application: "test",
    effect: "writing",
    settings: { session_replication_role: "replica" },
  });
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let rehearsal: Rehearsal;
let incident: Incident;
let session: Connection;
/** What the incident took, put aside before it: the recovery of these tests. */
const lost = ["orders", "order_lines", "payments"];

beforeAll(async () => {
  rehearsal = await place().begin({ rows: 4000, incident: "delete" });
  await rehearsal.seed(quiet);
  session = await open(rehearsal);
  await session.run("putting aside", "create schema aside");
  for (const table of lost)
    await session.run("putting aside", `create table aside.${table} as select * from public.${table}`);
});
afterAll(async () => {
  await session?.close();
  await rehearsal?.end("remove");
  rmSync(scratch, { recursive: true, force: true });
});

const bringBack = async () => {
  const columns =
    "id, public_id, customer_id, status, created_at, updated_at, total, placed_from, labels, details, note";
  await session.run(
    "bringing back",
    `insert into public.orders (${columns}) select ${columns} from aside.orders on conflict do nothing`,
  );
  await session.run(
    "bringing back",
    "insert into public.order_lines select * from aside.order_lines on conflict do nothing",
  );
  await session.run(
    "bringing back",
    "insert into public.payments overriding system value select * from aside.payments on conflict do nothing",
  );
};
const spoiled = async () =>
  (await rehearsal.compare()).tables
    .filter((table) => table.missing + table.different + table.unexpected > 0)
    .map(({ table, missing, different, unexpected }) => ({ table, missing, different, unexpected }));

describe("the rehearsed shop", () => {
  test("holds what makes a recovery hard, and equals itself", async () => {
    const traits = await session.row(
      "asking",
      `select (select count(*) from public.orders where pg_column_size(note) > 2000) > 10 as toasted,
        (select pg_relation_size(reltoastrelid) > 0 from pg_class where oid = 'public.orders'::regclass) as out_of_line,
        (select count(distinct confdeltype) from pg_constraint where contype = 'f') as kinds_of_foreign_keys,
        (select count(*) from pg_trigger where not tgisinternal and tgrelid = 'public.orders'::regclass) as triggers,
        (select string_agg(distinct t.typtype::text || t.typcategory::text, ',') from pg_attribute a join pg_type t on t.oid = a.atttypid
          where a.attrelid = 'public.orders'::regclass and a.attnum > 0) as kinds,
        (select count(*) from pg_attribute where attrelid = 'public.orders'::regclass and attgenerated = 's') as generated,
        (select count(*) from pg_attribute where attrelid = 'public.orders'::regclass and attidentity <> '') as identity,
        current_setting('track_commit_timestamp') as commit_times`,
    );
    expect(traits).toMatchObject({
      toasted: "t",
      out_of_line: "t",
      kinds_of_foreign_keys: "2",
      triggers: "2",
      generated: "1",
      identity: "1",
      commit_times: "on",
    });
    expect(traits.kinds).toContain("eE"); // an enum
    expect(traits.kinds).toContain("bA"); // arrays
    expect(await rehearsal.compare()).toMatchObject({ equal: true });
  });

  test("the identity goes on after the seeded orders", async () => {
    const { next, most } = await session.row(
      "asking",
      "select last_value as next, (select max(id) from public.orders) as most from public.orders_id_seq",
    );
    expect(next).toBe(most);
  });
});

describe("the incident", () => {
  test("takes the cancelled orders with their lines and payments, beside traffic that goes on", async () => {
    expect(place().left()).toBe("nothing");
    const traffic = await rehearsal.traffic();
    await wait(1200);
    incident = await rehearsal.incident();
    await wait(1200);
    const { changes } = await traffic.stop();
    expect(changes).toBeGreaterThan(3);
    const { cancelled, more } = await session.row(
      "asking",
      "select count(*) filter (where status = 'cancelled') as cancelled, count(*) filter (where created_at >= '2024-01-01' and status = 'cancelled') as more from aside.orders",
    );
    expect(incident.rows).toBe(Number(cancelled));
    expect(Number(more)).toBeGreaterThan(100); // most of what it took, it should not have
    const proof = await rehearsal.compare();
    expect(proof.equal).toBe(false);
    expect(proof.tables.filter((table) => table.missing > 0).map(({ table }) => table)).toEqual(
      lost.map((table) => `public.${table}`),
    );
    expect(proof.tables.reduce((sum, table) => sum + table.byTraffic, 0)).toBeGreaterThan(3);
    expect(proof.tables.every((table) => table.different + table.unexpected === 0)).toBe(true);
    expect(place().left()).toBe("incident");
  });

  test("its dead rows outlive reads and VACUUM while the report is open, and not after it ended", async () => {
    await session.run("making", "create extension if not exists pageinspect");
    const dead = async () => {
      await session.rows("reading all", "select count(*) from public.orders");
      await session.run("vacuuming", "vacuum public.orders");
      const { n } = await session.row(
        "looking at pages",
        `select count(*) as n from generate_series(0, pg_relation_size('public.orders') / 8192 - 1) b,
           heap_page_items(get_raw_page('public.orders', b::int)) i
         where i.t_xmax <> '0' and (i.t_infomask & 2048) = 0 and i.t_data is not null`,
      );
      return Number(n);
    };
    expect(await dead()).toBeGreaterThanOrEqual(incident.rows);
    await rehearsal.frozen();
    await rehearsal.frozen();
    expect(await dead()).toBe(0);
  });
});

describe("the proof", () => {
  test("is equal once every row is back, whatever traffic changed meanwhile", async () => {
    await bringBack();
    expect(await spoiled()).toEqual([]);
    expect(await rehearsal.compare()).toMatchObject({ equal: true });
  });

  test("sees one missing row, one changed value, one row too many, and a row of the traffic that was overwritten", async () => {
    const within = async (sql: string, table: string, expected: object) => {
      await session.run("keeping", `create table aside.kept as select * from ${table}`);
      await session.run("spoiling", sql);
      const found = (await rehearsal.compare()).tables.find((one) => one.table === table);
      expect(found).toMatchObject(expected);
      expect(await rehearsal.compare()).toMatchObject({ equal: false });
      await session.run("mending", `delete from ${table}`);
      await session.run("mending", `insert into ${table} overriding system value select * from aside.kept`);
      await session.run("mending", "drop table aside.kept");
    };
    const one = "(select min(order_id) from public.payments)";
    await within(`delete from public.payments where order_id = ${one}`, "public.payments", { missing: 1 });
    await within(`update public.payments set amount = amount + 0.01 where order_id = ${one}`, "public.payments", {
      different: 1,
    });
    await within(
      "insert into public.payments (order_id, amount, method, paid_at) values (1, 1, 'card', now())",
      "public.payments",
      { unexpected: 1, byTriggers: 0 },
    );
    await within(
      "update public.customers set last_seen = null where id in (select key from holdfast_rehearsal.changes where tab = 'public.customers')",
      "public.customers",
      { missing: 0 },
    );
    expect(await rehearsal.compare()).toMatchObject({ equal: true });
  });

  test("tells what a trigger wrote, because it was let fire, from what nobody can explain", async () => {
    await session.run("firing", "insert into public.order_audit (order_id, what) values (5, 'inserted')");
    expect(await rehearsal.compare()).toMatchObject({ equal: true });
    await session.run("inventing", "insert into public.order_audit (order_id, what) values (987654321, 'inserted')");
    const proof = await rehearsal.compare();
    expect(proof.equal).toBe(false);
    expect(proof.tables.at(-1)).toMatchObject({ table: "public.order_audit", unexpected: 2, byTriggers: 1 });
    await session.run("mending", "delete from public.order_audit where order_id in (987654321)");
  });
});

describe("its server", () => {
  test("is refused to a second process while it runs", async () => {
    await expect(place().begin({ rows: 1000, incident: "delete" })).rejects.toMatchObject({
      record: { code: "HF-REHEARSAL-BUSY", exit: "busy" },
    });
  });

  test("ends, and goes on from its folder with the same incident and the same truth", async () => {
    await session.close();
    await rehearsal.end("keep");
    await rehearsal.end("remove"); // ended already: nothing more happens
    expect(place().left()).toBe("incident");
    rehearsal = await place().goOn();
    session = await open(rehearsal);
    expect(await rehearsal.story()).toEqual(incident);
    expect(await rehearsal.compare()).toMatchObject({ equal: true });
    expect((await rehearsal.compare()).tables.map(({ table }) => table)).toEqual(shopTables.map(({ table }) => table));
  });

  test("leaves nothing behind when it is removed, and there is nothing to go on with then", async () => {
    await session.close();
    await rehearsal.end("remove");
    expect(existsSync(path.join(scratch, "demo"))).toBe(false);
    expect(place().left()).toBe("nothing");
    await expect(place().goOn()).rejects.toMatchObject({ record: { code: "HF-REHEARSAL-GONE" } });
  });
});
