import { afterAll, beforeAll, expect, test } from "vitest";
import { readyTargetShape } from "../../src/core/readiness.ts";
import { aCli } from "../support/cli.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { anIncident } from "./incident.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => server.end());

const shop = { engine: "postgres", url: "env:DATABASE_URL", environment: "production" };

test("in the middle of an incident it leaves every page, every catalogue row and every setting as it was, and nothing on this machine", async () => {
  const incident = await anIncident(server, "shop");
  const cli = aCli({ DATABASE_URL: incident.url });
  cli.config({ targets: { shop } });
  const before = await incident.bytes();
  const { exit, stdout, stderr } = await cli.run(["doctor"]);
  expect([exit, stderr]).toEqual(["ok", ""]);
  expect(stdout).toMatch(/^\[x\] shop\.orders {2}\d of \d paths open .*with shop\.lines\)$/m);
  expect(stdout).toContain(
    "open while nothing prunes the rows: vacuum and plain reads remove them until the hold stands.",
  );
  expect(stdout).toContain("in SQL: ALTER SYSTEM SET track_commit_timestamp = on;");
  expect(await incident.bytes()).toEqual(before);
  expect(await incident.footprint()).toEqual(incident.clean);
  expect(cli.leftInScratch()).toEqual([]);
});

test("for monitoring: one line of JSON a target, 18 where a table has no way back, 11 where nobody answers", async () => {
  const incident = await anIncident(server, "monitored");
  const cli = aCli({ DATABASE_URL: incident.url, NOBODY: "postgresql://postgres@127.0.0.1:1/shop" });
  cli.config({ targets: { shop: { ...shop, tables: ["shop.lines"] } } });
  const ready = await cli.run(["doctor", "shop", "--json"]);
  expect(ready.exit).toBe("ok");
  expect(readyTargetShape.parse(JSON.parse(ready.stdout)).found?.tables.map(({ table }) => table)).toEqual([
    "shop.lines",
  ]);
  await incident.session.client.query("create role clerk login");
  const clerk = incident.url.replace("postgres@", "clerk@");
  const closed = await cli.run(["doctor", "--json"], { env: { DATABASE_URL: clerk } });
  expect(closed.exit).toBe("not-ready");
  expect(readyTargetShape.parse(JSON.parse(closed.stdout)).found?.tables[0]).toMatchObject({ open: false });
  cli.config({ targets: { shop, gone: { ...shop, url: "env:NOBODY" } } });
  const gone = await cli.run(["doctor", "--json"]);
  expect(gone.exit).toBe("unreachable");
  const said = gone.stdout
    .trimEnd()
    .split("\n")
    .map((line) => readyTargetShape.parse(JSON.parse(line)));
  expect(said).toMatchObject([
    { target: "shop", ready: true },
    { target: "gone", ready: false, fault: { exit: "unreachable" } },
  ]);
}, 60_000);
