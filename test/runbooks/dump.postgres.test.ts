import { mkdtempSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Secret } from "../../src/core/secret.ts";
import { stepOf } from "../../src/core/run-state.ts";
import type { RunEnd } from "../../src/runner/session.ts";
import { anIncident } from "../cli-on-postgres/incident.ts";
import { postgresTarget, testAssembly } from "../support/assembly.ts";
import { dumped, withDump } from "../support/dump.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";

withDump(({ bin, major }) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ major, bin, settings: { autovacuum: "off", fsync: "off" } });
  });
  afterAll(() => server.end());

  async function aRun(dump: string, choices: Record<string, string>, role = "postgres"): Promise<RunEnd> {
    const assembly = testAssembly({
      reachable: {
        ...postgresTarget(new Secret(server.url("shop").reveal().replace("postgres@", `${role}@`)), "sandbox"),
        dump,
      },
      scratch: mkdtempSync(path.join(server.scratch, "scratch-")),
    });
    try {
      const inputs = { table: "shop.orders" };
      const plan = await assembly.workbench.plan({ runbook: "restore-after-bad-delete", target: "shop", inputs });
      const session = assembly.workbench.open(plan, {
        purpose: "live",
        wishes: { choices, keepRescue: false },
        interactive: false,
        yesSandbox: true,
      });
      return await session.ended;
    } finally {
      await assembly.end();
    }
  }

  const aDump = () => dumped(bin, server.url("shop"), path.join(server.scratch, "shop.dump"), "custom");

  test("rows that are off their pages come back out of a dump, of all tables, and it is recommended for nothing else is open", async () => {
    const incident = await anIncident(server, "shop", { statement: "select 1" });
    const dump = await aDump();
    await incident.session.run(
      "",
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'shop' and pid <> pg_backend_pid()",
    );
    await incident.session.run("", "delete from shop.orders where state = 'cancelled'");
    await incident.session.run("", "vacuum shop.orders, shop.lines");
    const end = await aRun(dump, { statement: "largest", path: "recommended" });
    expect(stepOf(end.state, "path").choice?.value, JSON.stringify(end.fault)).toBe("dump");
    expect({ exit: end.exit, bug: end.bug }).toEqual({ exit: "ok", bug: undefined });
    expect(await incident.content()).toEqual(incident.before);
    expect(end.state.leases.filter(({ status }) => status !== "released")).toEqual([]);
  });

  test("a role that is no superuser, with a dump alone, gets back what the tables lack, and only when it says so", async () => {
    const rights = `create role clerk login; grant usage on schema shop to clerk; grant create on database shop to clerk;
      grant select, insert on shop.orders, shop.lines to clerk; grant select, usage on all sequences in schema shop to clerk`;
    const incident = await anIncident(server, "shop", { statement: "select 1", before: rights });
    const dump = await aDump();
    await incident.session.run("", "truncate shop.orders cascade");
    const unasked = await aRun(dump, { statement: "largest", path: "recommended" }, "clerk");
    expect(unasked.exit).toBe("needs-person");
    expect((await incident.session.row("", "select count(*) as n from shop.orders")).n).toBe("0");
    expect(unasked.state.leases).toEqual([]);
    const end = await aRun(dump, { statement: "missing", path: "dump" }, "clerk");
    expect({ exit: end.exit, bug: end.bug, fault: end.fault?.message }).toEqual({ exit: "ok", bug: undefined });
    expect(await incident.content()).toEqual(incident.before);
    expect(end.state.leases.filter(({ status }) => status !== "released")).toEqual([]);
  });

  test("it is never recommended where another way is open", async () => {
    const incident = await anIncident(server, "shop", { statement: "select 1" });
    const dump = await aDump();
    await incident.session.run("", "delete from shop.orders where state = 'cancelled'");
    const end = await aRun(dump, { statement: "largest", path: "recommended" });
    expect(stepOf(end.state, "path").choice?.value).toBe("page-transplant");
    expect(await incident.content()).toEqual(incident.before);
  });
});
