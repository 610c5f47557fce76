import { afterAll, beforeAll, expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import { anIncident } from "../cli-on-postgres/incident.ts";
import { aCli, headless } from "../support/cli.ts";
import { startTestServer, testBinaries, type TestServer } from "../support/postgres.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => server.end());

test("a loop that took rows again after they were put back is undone by one headless run, each row once and as it was last", async () => {
  const incident = await anIncident(server, "shop", { statement: "checkpoint" });
  const run = (sql: string) => incident.session.run("", sql);
  await run("create table public.kept as select id, state, placed, tags, detail, total from shop.orders");
  const putBack = (note: string, last: number) =>
    run(`insert into shop.orders (id, state, placed, tags, detail, note, total) overriding system value
      select id, state, placed, tags, detail, '${note}', total from public.kept where id <= ${last}`);
  await run("delete from shop.orders where id <= 10");
  await putBack("put back", 10);
  await run("delete from shop.orders where id <= 5 or id between 11 and 15");
  await putBack("again", 5);
  await run("delete from shop.orders where id <= 3 or id between 16 and 22");

  const cli = aCli({ DATABASE_URL: incident.url });
  cli.config({
    targets: { shop: { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox" } },
    scratch: { folder: cli.scratch, servers: { ...testBinaries() } },
  });
  const ended = await cli.run([...headless, "--set", "table=shop.orders", "--choose", "keep=drop"]);
  expect([ended.exit, ended.stderr], ended.stdout).toEqual(["ok", ""]);
  const state = foldRun(cli.events());
  // 30 versions of 22 orders; each of 44 lines was there once.
  expect(stepOf(state, "statement").choice).toMatchObject({ data: { kind: "group", rows: 74 } });
  expect(stepOf(state, "rescue").result).toMatchObject({
    tables: [
      { table: "shop.orders", rows: 22, older: 8 },
      { table: "shop.lines", rows: 44 },
    ],
  });
  expect(ended.stdout).toContain("8 older versions left out, of rows that were put back and then taken again");
  expect(stepOf(state, "check").result).toMatchObject({
    tables: [{ table: "shop.orders", willInsert: 15, remade: 7, duplicates: 0 }, { willInsert: 44 }],
  });
  const notes = `select string_agg(id || ' ' || note, ', ' order by id) as notes from shop.orders where note in ('again', 'put back')`;
  expect((await incident.session.row("", notes)).notes).toBe(
    "1 again, 2 again, 3 again, 4 again, 5 again, 6 put back, 7 put back, 8 put back, 9 put back, 10 put back",
  );
  expect(await incident.content()).toMatchObject({ order_count: "300", line_count: "600" });
  expect((await incident.content()) as object).toMatchObject({ lines: (incident.before as { lines: string }).lines });
  await incident.leave();
});

test("a second incident is not answered with the first one's rows: what is there already is said, and the run does not call that a success", async () => {
  const incident = await anIncident(server, "shop", { statement: "checkpoint" });
  const cli = aCli({ DATABASE_URL: incident.url });
  cli.config({
    targets: { shop: { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox" } },
    scratch: { folder: cli.scratch, servers: { ...testBinaries() } },
  });
  await incident.session.run("", "delete from shop.orders where id <= 40");
  expect(await cli.run([...headless, "--set", "table=shop.orders"])).toMatchObject({ exit: "ok" });
  await incident.session.run("", "begin");
  const { xid } = await incident.session.row("", "select pg_current_xact_id()::text as xid");
  await incident.session.run("", "delete from shop.orders where id > 290");
  await incident.session.run("", "commit");
  const ended = await cli.run([...headless, "--set", "table=shop.orders"]);
  expect(ended.exit).toBe("refused");
  expect(ended.stderr + ended.stdout).toContain("HF-NOTHING-MISSING");
  expect(ended.stdout).not.toContain("are back");
  const named = headless.map((word) => (word === "statement=largest" ? `statement=${xid}` : word));
  expect(await cli.run([...named, "--set", "table=shop.orders"])).toMatchObject({ exit: "ok" });
  expect(await incident.content()).toEqual(incident.before);
  await incident.leave();
});
