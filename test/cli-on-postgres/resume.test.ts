import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { aCli, type Cli, headless } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { anIncident } from "./incident.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { track_commit_timestamp: "on", autovacuum: "off", fsync: "off" } });
});
afterAll(() => server.end());

const shop = { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox" };
const wholeRun = [...headless, "--set", "table=shop.orders"];
const unanswered = ["run", "restore-after-bad-delete", "--target", "shop", "--set", "table=shop.orders", "--plain"];
const answers = ["--choose", "statement=largest", "--choose", "path=recommended", "--yes-sandbox", "--plain"];

function onShop(url: string, config: Readonly<Record<string, string | number | object>> = {}): Cli {
  const cli = aCli({ DATABASE_URL: url });
  cli.config({ targets: { shop }, ...(config as object) });
  return cli;
}

describe("resume without RUN", () => {
  test("says that none is open, before any journal was made and after a run is done", async () => {
    const incident = await anIncident(server, "none_open");
    const cli = onShop(incident.url);
    expect(await cli.run(["resume"])).toMatchObject({ exit: "ok", stdout: expect.stringContaining("No run is open") });
    expect((await cli.run(wholeRun)).exit).toBe("ok");
    expect(await cli.run(["resume"])).toMatchObject({ exit: "ok", stdout: expect.stringContaining("No run is open") });
  });

  test("takes the one that is open, lists them where there are several, and takes the one that is named", async () => {
    const one = await anIncident(server, "several_1");
    const two = await anIncident(server, "several_2");
    const cli = aCli({ ONE: one.url, TWO: two.url });
    cli.config({ targets: { shop: { ...shop, url: "env:ONE" }, second: { ...shop, url: "env:TWO" } } });
    expect((await cli.run(unanswered)).exit).toBe("needs-person");
    expect((await cli.run(unanswered.with(3, "second"))).exit).toBe("needs-person");
    const [second, first] = cli.withJournal((journal) => journal.runs().map((run) => run.run));
    const listed = await cli.run(["resume"]);
    expect(listed.exit).toBe("several-runs");
    for (const run of [first, second]) expect(listed.stdout).toContain(run);
    const named = await cli.run(["resume", second ?? "", ...answers]);
    expect([named.exit, named.stderr]).toEqual(["ok", ""]);
    expect(await two.content()).toEqual(two.before);
    const alone = await cli.run(["resume", ...answers]);
    expect([alone.exit, alone.stderr]).toEqual(["ok", ""]);
    expect(await one.content()).toEqual(one.before);
    expect(await cli.run(["resume", first ?? ""])).toMatchObject({
      exit: "ok",
      stdout: expect.stringContaining("is done"),
    });
    expect(await cli.run(["resume", "nosuchrun"])).toMatchObject({
      exit: "input",
      stderr: expect.stringContaining("HF-RUN-UNKNOWN"),
    });
  });
});

describe("a stop file", () => {
  test("raised before a run begins refuses it, and nothing of it stays open or held", async () => {
    const incident = await anIncident(server, "stop_before");
    const cli = onShop(incident.url);
    const bytes = await incident.bytes();
    raise(cli, "disk is failing, ask Anna");
    const { exit, stdout } = await cli.run(wholeRun);
    expect(exit).toBe("refused");
    expect(stdout).toContain("disk is failing, ask Anna");
    expect(await incident.bytes()).toEqual(bytes);
    lower(cli);
    expect(await cli.run(["resume"])).toMatchObject({ exit: "ok", stdout: expect.stringContaining("No run is open") });
    expect((await cli.run(wholeRun)).exit).toBe("ok");
  });

  test("raised while a run merges stops it between two batches; when it is gone, resume finishes it", async () => {
    const incident = await anIncident(server, "stop_during");
    const cli = onShop(incident.url, { limits: { batchRows: 1, minFreeDisk: 0.01 } });
    // Slow enough that a person could have raised it: each row that comes back waits a little.
    await incident.session.client
      .query(`create function shop.slow() returns trigger language plpgsql as $$begin perform pg_sleep(0.02); return new; end$$;
      create trigger slow before insert on shop.orders for each row execute function shop.slow()`);
    const running = cli.start([...wholeRun, "--choose", "triggers=fire"]);
    await running.printed("RUNNING merge-rows");
    raise(cli, "");
    const stopped = await running.ended;
    expect([stopped.exit, stopped.stderr]).toEqual(["refused", ""]);
    expect(stopped.stdout).toContain("emergency stop");
    expect(foldRun(cli.events()).status).toBe("paused");
    const { n } = await incident.session.row("counting", "select count(*) as n from shop.orders");
    expect(Number(n)).toBeGreaterThan(200);
    expect(Number(n)).toBeLessThan(300);
    const refused = await cli.run(["resume", ...answers]);
    expect(refused.exit).toBe("refused");
    lower(cli);
    const resumed = await cli.run(["resume", ...answers]);
    expect([resumed.exit, resumed.stderr]).toEqual(["ok", ""]);
    expect(await incident.content()).toEqual(incident.before);
  });
});

function raise(cli: Cli, text: string): void {
  writeFileSync(path.join(cli.folder, "STOP"), text);
}

function lower(cli: Cli): void {
  rmSync(path.join(cli.folder, "STOP"));
}
