import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { cancelOpenTransaction } from "../../src/actions/cancel-open-transaction.ts";
import type { ChosenPath } from "../../src/actions/shapes.ts";
import { newRunId } from "../../src/core/ids.ts";
import { type RunState, stepOf } from "../../src/core/run-state.ts";
import type { Statement } from "../../src/engines/evidence.ts";
import type { Connection } from "../../src/engines/postgres/connection.ts";
import { postgres } from "../../src/engines/postgres/postgres.ts";
import { footprintOf } from "../cli-on-postgres/incident.ts";
import { handMade } from "../support/action-context.ts";
import { postgresTarget, testAssembly } from "../support/assembly.ts";
import { memoryRequest } from "../support/memory-bench.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { answering, yes } from "../support/runner.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => server.end());

const content = (sql: Connection) =>
  sql.rows("reading", "select o::text as line from orders o union all select l::text from lines l order by 1");

/** Two tables, and a session whose transaction took rows of both and is still open. */
async function opened(database: string) {
  const making = await server.connect("postgres");
  await making.client.query(`create database ${database}`);
  await making.close();
  const [sql, other] = [await server.connect(database), await server.connect(database)];
  onTestFinished(async () => {
    await other.close();
    await sql.close();
  });
  for (const one of [sql, other]) await one.client.query("set search_path = public, pg_catalog");
  await sql.client.query(`create table orders (id int primary key, note text);
    create table lines (id int primary key, order_id int references orders on delete cascade);
    insert into orders select n, 'order ' || n from generate_series(1, 100) n;
    insert into lines select n, n from generate_series(1, 100) n`);
  const [before, clean] = [await content(sql), await footprintOf(sql)];
  await other.client.query("begin; delete from orders where id <= 40");
  other.client.on("error", () => undefined); // its session is what gets ended
  const { xid } = await other.row("asking", "select pg_current_xact_id()::text as xid");
  return { sql, other, before, clean, xid: xid ?? "" };
}

function endedWith(state: RunState): unknown {
  return [state.status, stepOf(state, "cancel").result];
}

test("a run that ends the open transaction is done: every row is back, and nothing of ours is left", async () => {
  const { sql, other, before, clean } = await opened("whole");
  const assembly = testAssembly({ reachable: postgresTarget(server.url("whole"), "production", "whole") });
  const { workbench } = assembly;
  onTestFinished(() => assembly.end());
  const plan = await workbench.plan({
    runbook: "restore-after-bad-delete",
    target: "shop",
    inputs: { table: "public.orders" },
  });
  const wishes = { choices: { statement: `open:${other.pid}`, path: "cancel-open" }, keepRescue: false };
  const run = { purpose: "live" as const, wishes, interactive: true, yesSandbox: false };
  const ended = await answering(workbench.open(plan, run), yes).ended;
  expect([ended.exit, ended.fault]).toEqual(["ok", undefined]);
  expect(endedWith(ended.state)).toEqual(["done", { ended: expect.stringContaining(`pid ${other.pid}`), rows: 80 }]);
  expect(await content(sql)).toEqual(before);
  expect(ended.state.leases.filter(({ status }) => status !== "released")).toEqual([]);
  await workbench.close();
  await expect.poll(() => footprintOf(sql)).toEqual(clean);
});

test.each([
  ["commit", "stop", "absent", "it committed"],
  ["rollback", "stop", "done", "it was rolled back"],
])("after its %s the check says %s and the probe %s, as the server tells it", async (how, level, finding, words) => {
  const database = `after_${how}`;
  const { other, xid } = await opened(database);
  const target = { name: "shop", engine: "postgres", environment: "sandbox" as const, database };
  const run = newRunId(Date.now());
  const session = { run, person: "ops@bastion" };
  const engine = await postgres.connect(memoryRequest({ target, session, url: server.url(database) }));
  onTestFinished(() => engine.close());
  const ctx = await handMade({ engine, run });
  const statement: Statement = {
    value: `open:${other.pid}`,
    kind: "open",
    transactions: [xid],
    subtransactions: [],
    at: null,
    until: null,
    rows: 80,
    tables: [{ table: "public.orders", rows: 40 }],
    doubts: [],
    who: null,
  };
  const wanted = { statement, path: { path: "cancel-open" } as ChosenPath };
  const result = { ended: "nobody", rows: 80 };
  expect(await cancelOpenTransaction.check(ctx, wanted)).toMatchObject([{ level: "ok" }]);
  expect(await cancelOpenTransaction.probe?.(ctx, wanted)).toMatchObject({ finding: "absent" });
  await expect(cancelOpenTransaction.verify?.(ctx, wanted, result)).rejects.toMatchObject({
    record: { code: "HF-CANCEL-STILL-OPEN" },
  });
  await other.client.query(how);
  const [checked] = await cancelOpenTransaction.check(ctx, wanted);
  expect(checked).toMatchObject({ level, text: expect.stringContaining(words) });
  const probed = await cancelOpenTransaction.probe?.(ctx, wanted);
  expect(probed).toMatchObject({ finding, evidence: [expect.stringContaining(words)] });
  const [verified] = (await cancelOpenTransaction.verify?.(ctx, wanted, result)) ?? [];
  expect(verified?.level).toBe(how === "commit" ? "stop" : "ok");
});
