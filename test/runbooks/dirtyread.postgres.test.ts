import { afterAll, beforeAll, expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import { anIncident } from "../cli-on-postgres/incident.ts";
import { aCli, headless } from "../support/cli.ts";
import { debian, withDirtyread } from "../support/dirtyread.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";

const before = `create extension citext schema public;
  alter table shop.lines add column label public.citext;
  update shop.lines set label = what where id % 2 = 0`;

withDirtyread(() => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ ...debian, settings: { autovacuum: "off", fsync: "off" } });
  });
  afterAll(() => server.end());

  test.each([
    ["with --choose path=pg-dirtyread", "path=pg-dirtyread", debian.bin],
    ["as the recommended way where this machine has no programs of that version", "path=recommended", "/nowhere"],
  ])("one headless run brings a column of an extension's type back, %s", async (_how, choice, bin) => {
    const incident = await anIncident(server, "shop", { before });
    const cli = aCli({ DATABASE_URL: incident.url });
    cli.config({
      targets: { shop: { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox" } },
      scratch: { folder: cli.scratch, servers: { [debian.major]: bin } },
    });
    const words = headless.map((word) => (word === "path=recommended" ? choice : word));
    const run = await cli.run([...words, "--set", "table=shop.orders"]);
    expect([run.exit, run.stderr], run.stdout).toEqual(["ok", ""]);
    expect(await incident.content()).toEqual(incident.before);
    expect(await incident.footprint()).toEqual(incident.clean);
    expect(cli.leftInScratch()).toEqual([]);
    const state = foldRun(cli.events());
    expect(stepOf(state, "path").choice).toMatchObject({ value: "pg-dirtyread" });
    expect(stepOf(state, "merge").result).toMatchObject({ inserted: 300 });
    const extensions = state.leases.filter(({ lease }) => lease.kind === "extension");
    expect(extensions.map(({ lease, status }) => [lease.name, status])).toEqual([
      ["pageinspect", "released"],
      ["pg_walinspect", "released"],
      ["pg_dirtyread", "released"],
    ]);
  });
});
