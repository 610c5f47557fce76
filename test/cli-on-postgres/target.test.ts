import path from "node:path";
import { execa } from "execa";
import { describe, expect, onTestFinished, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { openLeases } from "../../src/core/run-state.ts";
import { startServer } from "../../src/engines/postgres/server/private-server.ts";
import { aCli, type Cli, headless } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { anIncident, footprintOf } from "./incident.ts";

const settings = { track_commit_timestamp: "on", autovacuum: "off", fsync: "off" };
const shop = { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox" };
const wholeRun = [...headless, "--set", "table=shop.orders"];
const goOn = ["resume", "--choose", "path=recommended", "--yes-sandbox", "--plain"];

async function aServer(): Promise<TestServer> {
  const server = await startTestServer({ settings });
  onTestFinished(() => server.end());
  return server;
}

describe("while a run holds the target", () => {
  test("another is refused with who holds it; when the first is killed, the target is free, and both can be ended", async () => {
    const incident = await anIncident(await aServer(), "shop");
    const first = aCli({ DATABASE_URL: incident.url });
    const second = aCli({ DATABASE_URL: incident.url });
    for (const cli of [first, second]) cli.config({ targets: { shop } });
    const holding = first.start([...wholeRun, "--operator", "anna"]);
    await holding.printed("STEP 1/17 RUNNING");
    holding.child.kill("SIGSTOP");
    const refused = await second.run([...wholeRun, "--operator", "bert"]);
    expect(refused).toMatchObject({ exit: "busy", stderr: "" });
    expect(refused.stdout).toMatch(/HF-TARGET-BUSY .*anna@/);
    expect(foldRun(second.events())).toMatchObject({ status: "abandoned", leases: [] });
    holding.child.kill("SIGKILL");
    await holding.ended;
    const after = await second.run([...wholeRun, "--operator", "bert"]);
    expect([after.exit, after.stderr]).toEqual(["ok", ""]);
    const resumed = await first.run([...goOn, "--choose", "statement=largest"]);
    expect(resumed).toMatchObject({ exit: "refused", stdout: expect.stringContaining("HF-NOTHING-MISSING") });
    expect(await first.run(["resume", "--give-up"])).toMatchObject({ exit: "usage" });
    const [{ run } = { run: "" }] = first.withJournal((journal) => journal.runs());
    const given = await first.run(["resume", run, "--give-up"]);
    expect([given.exit, given.stderr]).toEqual(["abandoned", ""]);
    expect(await incident.content()).toEqual(incident.before);
    expect(await incident.footprint()).toEqual(incident.clean);
  });
});

describe("a run that holds something, resumed with its URL leading elsewhere", () => {
  test("to another server with a database of that name: it stops before anything is done there", async () => {
    const incident = await anIncident(await aServer(), "shop");
    const elsewhere = await anIncident(await aServer(), "shop");
    const cli = await stopped(incident.url);
    await refusedThere(cli, elsewhere.url, "HF-TARGET-OTHER");
    expect(await elsewhere.footprint()).toEqual(elsewhere.clean);
    await finished(cli);
    expect(await incident.content()).toEqual(incident.before);
    expect(await incident.footprint()).toEqual(incident.clean);
  });

  test("to a copy of the same server at another place: it stops before anything is done on the copy", async () => {
    const server = await aServer();
    const incident = await anIncident(server, "shop");
    const cli = await stopped(incident.url);
    await incident.leave();
    await server.stop("fast");
    const folder = path.join(server.scratch, "c");
    await execa("cp", ["-a", server.folder, folder]);
    const copy = await startServer({
      binaries: server.binaries,
      folder,
      settings: { ...settings, wal_level: "replica" },
    });
    onTestFinished(() => copy.stop("immediate"));
    const looking = await copy.connect("shop");
    const before = await footprintOf(looking);
    await refusedThere(cli, copy.url("shop").reveal(), "HF-TARGET-MOVED");
    expect(await footprintOf(looking)).toEqual(before);
    await looking.close();
    const again = await server.restart();
    onTestFinished(() => again.stop("immediate"));
    await finished(cli);
    const session = await again.connect("shop");
    expect(await footprintOf(session)).toEqual(incident.clean);
    await session.close();
  });
});

/** A run that has found the statement, holds the evidence, and waits for somebody to choose the path. */
async function stopped(url: string): Promise<Cli> {
  const cli = aCli({ DATABASE_URL: url });
  cli.config({ targets: { shop } });
  const { exit, stderr } = await cli.run(
    wholeRun.filter((word, at) => word !== "path=recommended" && wholeRun[at + 1] !== "path=recommended"),
  );
  expect([exit, stderr]).toEqual(["needs-person", ""]);
  expect(openLeases(foldRun(cli.events())).length).toBeGreaterThan(2);
  return cli;
}

async function refusedThere(cli: Cli, url: string, code: string): Promise<void> {
  const before = foldRun(cli.events());
  const { exit, stdout, stderr } = await cli.run(goOn, { env: { DATABASE_URL: url } });
  expect([exit, stderr]).toEqual(["wrong-target", ""]);
  expect(stdout).toContain(code);
  const after = foldRun(cli.events());
  expect(after.steps).toEqual(before.steps);
  expect(after.leases).toEqual(before.leases);
}

async function finished(cli: Cli): Promise<void> {
  const { exit, stderr } = await cli.run(goOn);
  expect([exit, stderr]).toEqual(["ok", ""]);
}
