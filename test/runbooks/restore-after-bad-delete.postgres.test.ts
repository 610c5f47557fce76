import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Stamped } from "../../src/core/event.ts";
import { foldRun } from "../../src/core/apply-event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import { anIncident } from "../cli-on-postgres/incident.ts";
import { aCli, headless } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { track_commit_timestamp: "on", autovacuum: "off", fsync: "off" } });
});
afterAll(() => server.end());

const init = ["init", "--url-env", "DATABASE_URL", "--target", "shop", "--environment", "sandbox"];
const table = ["--set", "table=shop.orders"];

test("the one command of a headless run brings the rows back, proves it, and leaves nothing of ours", async () => {
  const incident = await anIncident(server, "shop");
  const cli = aCli({ DATABASE_URL: incident.url });
  expect(await cli.run(init)).toMatchObject({ exit: "ok", stderr: "" });
  const run = await cli.run([...headless, ...table]);
  expect([run.exit, run.stderr]).toEqual(["ok", ""]);
  expect(await incident.content()).toEqual(incident.before);
  expect(await incident.footprint()).toEqual(incident.clean);
  const verified = await cli.run(["journal", "verify"]);
  expect(verified).toMatchObject({ exit: "ok", stderr: "" });
  expect(cli.withJournal((journal) => journal.runs().map((one) => one.status))).toEqual(["done"]);
  const state = foldRun(cli.events());
  expect(stepOf(state, "merge").result).toMatchObject({ inserted: 300 });
  expect(state.leases.length).toBeGreaterThan(2);
  expect(state.leases.filter((lease) => lease.status !== "released")).toEqual([]);
});

describe("a dry run", () => {
  const dry = [...headless, ...table, "--dry-run"];

  test("changes nothing on the target, and counts what the run after it brings back", async () => {
    const incident = await anIncident(server, "shop", { before: "create extension pageinspect" });
    const cli = aCli({ DATABASE_URL: incident.url });
    await cli.run(init);
    const before = await incident.bytes();
    expect(Object.keys(before).length).toBeGreaterThan(60);
    const rehearsed = await cli.run(dry);
    expect([rehearsed.exit, rehearsed.stderr]).toEqual(["ok", ""]);
    expect(await incident.bytes()).toEqual(before);
    const foreseen = countsOf(cli.events());
    expect((await cli.run([...headless, ...table])).exit).toBe("ok");
    expect(countsOf(cli.events())).toEqual(foreseen);
    expect(foreseen).toMatchObject({ rescue: { rows: 300 }, merge: { insert: 300 } });
    expect(await incident.content()).toEqual(incident.before);
  });

  test("without pageinspect says what it could not look at, with an exit code of its own, and installs nothing", async () => {
    const incident = await anIncident(server, "shop");
    const cli = aCli({ DATABASE_URL: incident.url });
    await cli.run(init);
    const before = await incident.bytes();
    const { exit, stdout } = await cli.run(dry);
    expect(exit).toBe("incomplete");
    expect(stdout).toContain("pageinspect");
    expect(stdout).toContain("HF-PG-NO-PAGEINSPECT");
    expect(await incident.bytes()).toEqual(before);
    expect(await cli.run(["resume"])).toMatchObject({ exit: "ok", stdout: expect.stringContaining("No run is open") });
  });
});

describe("in production, headless", () => {
  test.each([[[]], [["--yes-sandbox"]]])(
    "stops at the first hold with %j, holds nothing, and says how to go on",
    async (flags) => {
      const incident = await anIncident(server, "shop");
      const cli = aCli({ DATABASE_URL: incident.url });
      await cli.run(init.with(-1, "production"));
      const before = await incident.bytes();
      const { exit, stdout } = await cli.run([
        ...headless.filter((word) => word !== "--yes-sandbox"),
        ...table,
        ...flags,
      ]);
      expect(exit).toBe("needs-person");
      expect(stdout).toContain("HF-NEEDS-PERSON");
      expect(stdout).toMatch(/^ +(.*holdfast|node) .*resume \S+( --choose \S+)* --plain$/m);
      expect(stdout).not.toContain("yes-sandbox");
      expect(await incident.footprint()).toEqual(incident.clean);
      expect(await incident.bytes()).toEqual(before);
      expect(foldRun(cli.events())).toMatchObject({ status: "paused", leases: [] });
    },
  );
});

describe("a table with triggers of the user", () => {
  const audit = `create table shop.fired (note text);
    create function shop.note() returns trigger language plpgsql as $$begin insert into shop.fired values (tg_name); return new; end$$;
    create trigger audit_orders after insert on shop.orders for each row execute function shop.note()`;

  test("stops headless with the flags that answer it, and nothing is merged before", async () => {
    const incident = await anIncident(server, "shop", { before: audit });
    const cli = aCli({ DATABASE_URL: incident.url });
    await cli.run(init);
    const { exit, stdout } = await cli.run([...headless, ...table]);
    expect(exit).toBe("needs-person");
    expect(stdout).toContain("--choose triggers=fire");
    expect(stdout).toContain("--choose triggers=skip");
    expect(await incident.session.row("counting", "select count(*) as n from shop.orders")).toEqual({ n: "200" });
    expect((await cli.run(["resume", "--choose", "triggers=skip", "--yes-sandbox", "--plain"])).exit).toBe("ok");
    expect(await incident.content()).toEqual(incident.before);
  });

  test.each([
    ["skip", "0"],
    ["fire", "100"],
  ])("with --choose triggers=%s fires %s of them", async (choice, fired) => {
    const incident = await anIncident(server, "shop", { before: audit });
    const cli = aCli({ DATABASE_URL: incident.url });
    await cli.run(init);
    const run = await cli.run([...headless, ...table, "--choose", `triggers=${choice}`]);
    expect([run.exit, run.stderr]).toEqual(["ok", ""]);
    expect(await incident.content()).toEqual(incident.before);
    expect(await incident.session.row("counting", "select count(*) as n from shop.fired")).toEqual({ n: fired });
  });
});

function countsOf(events: readonly Stamped[]) {
  const state = foldRun(events);
  return Object.fromEntries(["rescue", "merge"].map((key) => [key, stepOf(state, key).preview?.counts]));
}
