import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { stepOf } from "../../src/core/run-state.ts";
import type { Session } from "../../src/runner/session.ts";
import { postgresTarget, testAssembly } from "../support/assembly.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => server.end());

const wishes = { choices: { statement: "largest", path: "recommended", triggers: "fire" }, keepRescue: false };
const headless = { wishes, interactive: false, yesSandbox: true } as const;

/** A thousand rows are lost from a table of our own database; an older snapshot keeps them. */
async function lost(database: string, more = "") {
  const making = await server.connect("postgres");
  await making.client.query(`create database ${database}`);
  await making.close();
  const [sql, report] = [await server.connect(database), await server.connect(database)];
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-merge-"));
  onTestFinished(async () => {
    await report.close();
    await sql.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await sql.client.query(`set search_path = public, pg_catalog; create table orders (id int primary key, note text);
    insert into orders select n, md5(n::text) from generate_series(1, 1000) n; ${more}`);
  const content = () => sql.row("reading", "select md5(string_agg(o::text, ',' order by id)) as all from orders o");
  const before = await content();
  await report.client.query("begin isolation level repeatable read; select 1 from public.orders limit 1");
  await sql.client.query("delete from orders");
  const benchOf = (mergeSessions: number) => {
    const reachable = postgresTarget(server.url(database), "sandbox", database);
    const assembly = testAssembly({
      reachable,
      folder,
      scratch: path.join(server.scratch, database),
      mergeSessions,
      batchRows: 50,
    });
    onTestFinished(() => assembly.end());
    return assembly.workbench;
  };
  const open = async (mergeSessions: number) => {
    const workbench = benchOf(mergeSessions);
    const inputs = { table: "public.orders" };
    const plan = await workbench.plan({ runbook: "restore-after-bad-delete", target: "shop", inputs });
    return { workbench, session: workbench.open(plan, { ...headless, purpose: "live" }) };
  };
  const markers = async () =>
    (await sql.rows("looking", "select step_key from holdfast.effect where step_key like 'merge:%' order by 1")).map(
      ({ step_key: key }) => key,
    );
  return { sql, before, content, open, benchOf, markers };
}

function pauseAfter(session: Session, rows: number): void {
  session.events(({ event }) => {
    if (event.kind === "step.progressed" && event.step === "merge" && event.progress.done >= rows)
      session.pause("test");
  });
}

const ofTwo = ["merge:public.orders/part-1-of-2", "merge:public.orders/part-2-of-2"];

test("a large table is merged by two sessions side by side, and the sums are those of the whole", async () => {
  const one = await lost("two_sessions");
  const { session, workbench } = await one.open(2);
  const ended = await session.ended;
  expect([ended.exit, ended.fault]).toEqual(["ok", undefined]);
  expect(stepOf(ended.state, "merge").result).toMatchObject({ tables: [{ inserted: 1000, left: 0, batches: 20 }] });
  expect(await one.content()).toEqual(one.before);
  expect((await one.markers()).filter((key) => key?.includes("/part-"))).toEqual(ofTwo);
  await workbench.close();
});

test("a merge that was paused half-way goes on in the parts that it began with, though only one session is allowed now", async () => {
  const one = await lost("fewer_sessions");
  const { session, workbench } = await one.open(2);
  pauseAfter(session, 150);
  const paused = await session.ended;
  expect(paused.state.status).toBe("paused");
  const { count } = await one.sql.row("counting", "select count(*)::text as count from orders");
  expect(Number(count)).toBeGreaterThanOrEqual(150);
  expect(Number(count)).toBeLessThan(1000);
  await workbench.close();
  const again = one.benchOf(1);
  const ended = await again.resume(paused.state.run, headless).ended;
  expect([ended.exit, ended.fault]).toEqual(["ok", undefined]);
  expect(stepOf(ended.state, "merge").result).toMatchObject({ inserted: 1000, left: 0 });
  expect(await one.content()).toEqual(one.before);
  expect((await one.markers()).filter((key) => key?.includes("/part-"))).toEqual(ofTwo);
  await again.close();
});

test("what one part can't do ends the other after its batch, and both go on when it is mended", async () => {
  const one = await lost("one_fails", "create function no() returns trigger language plpgsql as 'begin raise; end'");
  const { session, workbench } = await one.open(2);
  session.events(({ event }) => {
    if (event.kind !== "step.intended" || event.step !== "merge") return;
    void one.sql.client.query(`create trigger no before insert on orders for each row when (new.id = 800)
      execute function no()`);
  });
  const failed = await session.ended;
  expect(failed.exit).not.toBe("ok");
  expect(stepOf(failed.state, "merge").status).toMatch(/failed|unknown/);
  await workbench.close();
  await one.sql.client.query(
    "create or replace function no() returns trigger language plpgsql as 'begin return new; end'",
  );
  const again = one.benchOf(2);
  const ended = await again.resume(failed.state.run, headless).ended;
  expect([ended.exit, ended.fault]).toEqual(["ok", undefined]);
  expect(stepOf(ended.state, "merge").result).toMatchObject({ inserted: 1000, left: 0 });
  expect(await one.content()).toEqual(one.before);
  await again.close();
});

test.each([
  [
    "triggers that fire",
    "create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger f before insert on orders for each row execute function f()",
  ],
  [
    "parents of its own",
    "alter table orders add parent int references orders; update orders set parent = id - 1 where id > 1",
  ],
])("a table with %s is merged by one session, in order", async (what, more) => {
  const one = await lost(what.split(" ")[0] ?? "", more);
  const { session, workbench } = await one.open(2);
  const ended = await session.ended;
  expect([ended.exit, ended.fault]).toEqual(["ok", undefined]);
  expect((await one.markers()).filter((key) => key?.includes("/part-"))).toEqual([]);
  expect(await one.content()).toEqual(one.before);
  await workbench.close();
});
