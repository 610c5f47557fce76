import { afterAll, beforeAll, expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import { anIncident, footprintOf, type Incident } from "../cli-on-postgres/incident.ts";
import { aCli, type Cli, headless } from "../support/cli.ts";
import { onEachWithLog } from "../engines/postgres/evidence/with-log.ts";
import { startTestServer, testBinaries, type TestServer } from "../support/postgres.ts";

onEachWithLog([16, 18], (major) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ major, settings: { autovacuum: "off", fsync: "off" } });
  });
  afterAll(() => server.end());

  /** A third of the orders is gone with their lines, and nothing holds what is left of them. */
  async function unheld(after: readonly string[]): Promise<{ incident: Incident; cli: Cli }> {
    const incident = await anIncident(server, "shop", { statement: "checkpoint" });
    const end =
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'shop' and pid <> pg_backend_pid()";
    await incident.session.run("", end);
    for (const one of ["delete from shop.orders where state = 'cancelled'", ...after])
      await incident.session.run("", one);
    const cli = aCli({ DATABASE_URL: incident.url });
    cli.config({
      targets: { shop: { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox" } },
      scratch: { folder: cli.scratch, servers: { ...testBinaries() } },
    });
    return { incident, cli };
  }

  async function isBack({ incident, cli }: { incident: Incident; cli: Cli }) {
    const clean = await footprintOf(incident.session); // VACUUM has left its mark on the catalogue
    const run = await cli.run([...headless, "--set", "table=shop.orders"]);
    expect([run.exit, run.stderr], run.stdout).toEqual(["ok", ""]);
    expect(await incident.content()).toEqual(incident.before);
    expect(await footprintOf(incident.session)).toEqual(clean);
    expect(cli.leftInScratch()).toEqual([]);
    const state = foldRun(cli.events());
    expect(state.leases.filter((lease) => lease.status !== "released")).toEqual([]);
    expect(stepOf(state, "merge").result).toMatchObject({ inserted: 300 });
    return stepOf(state, "rescue").result as { tables: { rows: number; lost: number; from: Record<string, number> }[] };
  }

  test("one headless run brings back what VACUUM has taken, out of the log alone", async () => {
    const rescued = await isBack(await unheld(["vacuum (freeze) shop.orders, shop.lines"]));
    expect(rescued.tables.map(({ rows, lost, from }) => ({ rows, lost, from }))).toEqual([
      { rows: 100, lost: 0, from: { "page-transplant": 0, wal: 100 } },
      { rows: 200, lost: 0, from: { "page-transplant": 0, wal: 200 } },
    ]);
  });

  test("with a part of the dead rows pruned, what the pages hold and what the log gives add up", async () => {
    const rescued = await isBack(await unheld(["select count(*) from shop.lines where order_id < 100 and what > ''"]));
    const [orders, lines] = rescued.tables;
    expect(orders).toMatchObject({ rows: 100, lost: 0, from: { "page-transplant": 100, wal: 0 } });
    expect(lines).toMatchObject({ rows: 200, lost: 0 });
    expect(lines?.from.wal).toBeGreaterThan(0);
    expect((lines?.from.wal ?? 0) + (lines?.from["page-transplant"] ?? 0)).toBe(200);
  });
});
