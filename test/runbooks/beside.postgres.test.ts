import { cpSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import { anIncident, footprintOf, type Incident } from "../cli-on-postgres/incident.ts";
import { type ArchivingServer, dropOldLog, startArchivingServer, takeBackup } from "../support/backup.ts";
import { aCli, type Cli, headless } from "../support/cli.ts";
import { testBinaries } from "../support/postgres.ts";

let from: ArchivingServer;
beforeAll(async () => {
  from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => from.end());

const badDelete = "delete from shop.orders where state = 'cancelled'";
const byKey = (sql: string) => ["set enable_seqscan = off", sql, "reset enable_seqscan"];

/** A third of the orders is gone with their lines; `after` has cleaned up behind it, and the server's own log is gone too. */
async function aShop(
  name: string,
  after: readonly string[],
  statement = badDelete,
): Promise<{ incident: Incident; cli: Cli; archive: string }> {
  const incident = await anIncident(from.server, "shop", { statement: "select 1" });
  const base = await takeBackup(from, name);
  const end =
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'shop' and pid <> pg_backend_pid()";
  await incident.session.run("", end);
  await incident.session.client.query(statement);
  for (const one of after) await incident.session.run("", one);
  await dropOldLog(from, incident.session);
  const archive = `${base}-wal`; // a copy, so that a test may break it
  cpSync(from.archive, archive, { recursive: true });
  const cli = aCli({ DATABASE_URL: incident.url });
  const shop = {
    engine: "postgres",
    url: "env:DATABASE_URL",
    environment: "sandbox",
    backup: { base, archive },
  };
  cli.config({ targets: { shop }, scratch: { folder: cli.scratch, servers: { ...testBinaries() } } });
  return { incident, cli, archive };
}

/** Half of the orders and all of the lines are off their pages. */
const halfGone = ["vacuum shop.lines", ...byKey("select count(note) from shop.orders where id < 150")];

function words(beside: string, ...more: readonly string[]): readonly string[] {
  const asked = headless.map((word) => (word === "path=recommended" ? "path=page-transplant" : word));
  return [...asked, "--set", "table=shop.orders", "--choose", `beside=${beside}`, ...more];
}

interface Table {
  readonly table: string;
  readonly rows: number;
  readonly lost: number;
  readonly from: Record<string, number>;
}

test("what cleaning up has taken comes from the clone, the rest from the pages: each row once, proved equal, told by source", async () => {
  const { incident, cli } = await aShop("halves", halfGone);
  const clean = await footprintOf(incident.session);
  const run = await cli.run(words("clone"));
  expect([run.exit, run.stderr], run.stdout).toEqual(["ok", ""]);
  expect(await incident.content()).toEqual(incident.before);
  expect(await footprintOf(incident.session)).toEqual(clean);
  expect(cli.leftInScratch()).toEqual([]);
  const state = foldRun(cli.events());
  expect(state.leases.filter(({ status }) => status !== "released")).toEqual([]);
  const rest = stepOf(state, "rescue-rest").result as unknown as { tables: Table[] };
  expect(rest).toMatchObject({ rows: 300, differing: 0, apart: 0 });
  const [orders, lines] = ["shop.orders", "shop.lines"].map((name) => rest.tables.find(({ table }) => table === name));
  expect(orders).toMatchObject({ rows: 100, lost: 0 });
  const onPages = orders?.from["page-transplant"] ?? 0;
  expect(onPages).toBeGreaterThan(0);
  expect(orders?.from.clone).toBe(100 - onPages);
  expect(onPages).toBeLessThan(100);
  expect(lines).toMatchObject({ rows: 200, lost: 0, from: { clone: 200 } });
  expect(stepOf(state, "merge").result).toMatchObject({ inserted: 300, left: 0 });
  expect(run.stdout).toMatch(/rows by page-transplant, \d+ by clone/);
});

test("without the clone only what the pages hold comes back, and the result says how many do not", async () => {
  const { incident, cli } = await aShop("none", halfGone);
  const run = await cli.run(words("none"));
  expect([run.exit, run.stderr], run.stdout).toEqual(["ok", ""]);
  const state = foldRun(cli.events());
  const { rows } = stepOf(state, "rescue").result as { rows: number };
  expect(rows).toBeGreaterThan(0);
  expect(rows).toBeLessThan(100);
  expect(stepOf(state, "merge").result).toMatchObject({ inserted: rows });
  expect(run.stdout).toContain(`${300 - rows} of the 300 rows that the statement took can't come back this way`);
  const { order_count } = (await incident.content()) as { order_count: string };
  expect(order_count).toBe(String(200 + rows));
  expect(state.leases.filter(({ status }) => status !== "released")).toEqual([]);
});

test("with all rows on their pages nobody is asked, and no clone is built", async () => {
  const { incident, cli } = await aShop("whole", []);
  const run = await cli.run(words("clone"));
  expect([run.exit, run.stderr], run.stdout).toEqual(["ok", ""]);
  expect(await incident.content()).toEqual(incident.before);
  const state = foldRun(cli.events());
  expect(stepOf(state, "beside").choice?.value).toBe("none");
  expect(state.leases.map(({ lease }) => lease.kind)).not.toContain("clone");
});

test("rows that the statement made and deleted itself are nobody's: they are not among those left out", async () => {
  const own =
    "insert into shop.orders (state, placed, note, total) select 'open', now(), 'own', n from generate_series(1, 70) n";
  const all = `begin; ${own}; savepoint a; ${own}; release a; ${badDelete}; delete from shop.orders where note = 'own'; commit`;
  const { incident, cli } = await aShop("own", halfGone, all);
  const run = await cli.run(words("clone"));
  expect([run.exit, run.stderr], run.stdout).toEqual(["ok", ""]);
  expect(await incident.content()).toEqual(incident.before);
  const state = foldRun(cli.events());
  expect(stepOf(state, "statement").choice?.data).toMatchObject({ rows: 300 });
  expect(stepOf(state, "rescue-rest").result).toMatchObject({ rows: 300, differing: 0, apart: 0 });
});

test("the file copy holds what came from the clone too, and nobody else can read it", async () => {
  const { cli } = await aShop("kept", halfGone);
  const run = await cli.run(words("clone", "--keep-rescue"));
  expect(run.exit, run.stderr).toBe("ok");
  const folder = path.join(cli.scratch, cli.leftInScratch().find((name) => name.startsWith("holdfast_rescue_")) ?? "");
  const copies = readdirSync(folder).filter((name) => name.includes(".copy"));
  const lines = copies.map((name) => readFileSync(path.join(folder, name), "utf8").split("\n").length - 1);
  expect(lines.toSorted((a, b) => a - b)).toEqual([100, 200]);
  for (const name of copies) expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
});

test("where the clone can't be built, the pages' rows come back all the same once the operator says so", async () => {
  const { incident, cli, archive } = await aShop("broken", halfGone);
  const run = cli.start([...words("clone"), "--json"].filter((word) => word !== "--plain"));
  await run.printed('"step.ended","step":"path"');
  rmSync(archive, { recursive: true });
  const stopped = await run.ended;
  expect(stopped.stderr).toContain("--choose beside=none");
  expect(stopped.exit).not.toBe("ok");
  const resumed = await cli.run(["resume", "--yes-sandbox", "--plain", "--choose", "beside=none"]);
  expect([resumed.exit, resumed.stderr], resumed.stdout).toEqual(["ok", ""]);
  const state = foldRun(cli.events());
  const { rows } = stepOf(state, "rescue").result as { rows: number };
  expect(stepOf(state, "merge").result).toMatchObject({ inserted: rows });
  expect(Number(((await incident.content()) as { order_count: string }).order_count)).toBeGreaterThan(200);
  expect(state.leases.filter(({ status }) => status !== "released")).toEqual([]);
  expect(cli.leftInScratch()).toEqual([]);
});
