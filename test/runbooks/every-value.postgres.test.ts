import { afterAll, beforeAll, expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import { aCli, type Cli, headless } from "../support/cli.ts";
import { majors, onEachMajor } from "../support/majors.ts";
import { startTestServer, testBinaries, type TestServer } from "../support/postgres.ts";
import { everyValue, type EveryValue } from "./every-value.ts";

const run = [...headless, "--set", "table=shop.things"];

function cliOn(url: string): Cli {
  const cli = aCli({ DATABASE_URL: url });
  const shop = { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox" };
  cli.config({ targets: { shop }, scratch: { folder: cli.scratch, servers: { ...testBinaries() } } });
  return cli;
}

onEachMajor(majors(14, 16), (major) => {
  let server: TestServer;
  // Without commit times only the log tells which savepoints belong to the statement.
  beforeAll(async () => {
    server = await startTestServer({ major, settings: { autovacuum: "off", fsync: "off" } });
  });
  afterAll(() => server.end());

  const broughtBack = async (cli: Cli, incident: EveryValue) => {
    const { exit, stderr } = await cli.run(run);
    expect([exit, stderr]).toEqual(["ok", ""]);
    expect(await incident.content()).toEqual(incident.before);
    const state = foldRun(cli.events());
    expect(stepOf(state, "merge").result).toMatchObject({ inserted: incident.lost });
    expect(stepOf(state, "path").choice).toMatchObject({ value: "page-transplant" });
    expect(await incident.footprint()).toEqual(incident.clean);
    expect(cli.leftInScratch()).toEqual([]);
  };

  test("a dry run counts what a headless run then brings back by page transplant, every kind of value as it was, and nothing of ours is left", async () => {
    const incident = await everyValue(server, { encoding: "UTF8", first: "create extension pageinspect" });
    const cli = cliOn(incident.url);
    const rehearsed = await cli.run([...run, "--dry-run"]);
    expect([rehearsed.exit, rehearsed.stderr]).toEqual(["ok", ""]);
    expect(stepOf(foldRun(cli.events()), "merge").preview?.counts).toMatchObject({ insert: incident.lost });
    expect(await incident.footprint()).toEqual(incident.clean);
    await broughtBack(cli, incident);
  });

  test("in a database in LATIN1 values come back as they were too", async () => {
    const incident = await everyValue(server, { encoding: "LATIN1" });
    expect(incident.clean).toEqual([]);
    await broughtBack(cliOn(incident.url), incident);
  });
});
