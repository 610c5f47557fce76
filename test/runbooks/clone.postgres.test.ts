import { afterAll, beforeAll, expect, test } from "vitest";
import { foldRun } from "../../src/core/apply-event.ts";
import { stepOf } from "../../src/core/run-state.ts";
import { anIncident, type Incident } from "../cli-on-postgres/incident.ts";
import { type ArchivingServer, dropOldLog, startArchivingServer, takeBackup } from "../support/backup.ts";
import { aCli, type Cli, headless } from "../support/cli.ts";
import { testBinaries } from "../support/postgres.ts";

let from: ArchivingServer;
beforeAll(async () => {
  from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => from.end());

/** A shop with a backup from before what will be done to it; no session keeps its dead rows. */
async function aShop(name: string): Promise<{ incident: Incident; cli: Cli }> {
  const incident = await anIncident(from.server, "shop", { statement: "select 1" });
  const base = await takeBackup(from, name);
  await incident.session.run(
    "",
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'shop' and pid <> pg_backend_pid()",
  );
  const cli = aCli({ DATABASE_URL: incident.url });
  cli.config({
    targets: {
      shop: {
        engine: "postgres",
        url: "env:DATABASE_URL",
        environment: "sandbox",
        backup: { base, archive: from.archive },
      },
    },
    scratch: { folder: cli.scratch, servers: { ...testBinaries() } },
  });
  return { incident, cli };
}

const asWritten = (statement: string) =>
  headless.map((word) => {
    if (word === "path=recommended") return "path=clone";
    return word === "statement=largest" ? `statement=${statement}` : word;
  });

async function throughClone(
  cli: Cli,
  statement = "largest",
  table = "shop.orders",
): Promise<ReturnType<typeof foldRun>> {
  return given(cli, await cli.run([...asWritten(statement), "--set", `table=${table}`]));
}

function given(cli: Cli, run: Awaited<ReturnType<Cli["run"]>>): ReturnType<typeof foldRun> {
  expect([run.exit, run.stderr], run.stdout).toEqual(["ok", ""]);
  const state = foldRun(cli.events());
  expect(state.leases.filter((lease) => lease.status !== "released")).toEqual([]);
  expect(cli.leftInScratch()).toEqual([]);
  return state;
}

test("after DELETE, VACUUM and with the log gone from the server, the run brings every row back from a clone", async () => {
  const { incident, cli } = await aShop("vacuumed");
  await incident.session.run("", "delete from shop.orders where state = 'cancelled'");
  await incident.session.run("", "vacuum (freeze) shop.orders, shop.lines");
  await dropOldLog(from, incident.session);
  const state = await throughClone(cli);
  expect(await incident.content()).toEqual(incident.before);
  expect(stepOf(state, "merge").result).toMatchObject({ inserted: 300 });
});

test("a truncated table comes back whole, with the tables that went with it", async () => {
  const { incident, cli } = await aShop("truncated");
  await incident.session.run("", "truncate shop.orders cascade");
  await dropOldLog(from, incident.session);
  await throughClone(cli, "rewrite");
  expect(await incident.content()).toEqual(incident.before);
});

test("a DELETE is found and undone though VACUUM FULL gave the table another file since, and is not taken for the largest unasked", async () => {
  const { incident, cli } = await aShop("rewritten");
  await incident.session.run("", "begin");
  await incident.session.run("", "delete from shop.orders where state = 'cancelled'");
  const { xid } = await incident.session.row("", "select pg_current_xact_id()::text as xid");
  await incident.session.run("", "commit");
  await incident.session.run("", "vacuum full shop.orders");
  await incident.session.run("", "vacuum full shop.lines");
  const unsure = await cli.run([...asWritten("largest"), "--set", "table=shop.orders"]);
  expect(unsure.exit).toBe("needs-person");
  expect(unsure.stdout).toContain("HF-CHOICE-INVALID");
  expect(unsure.stdout).toContain(`--choose statement=${xid}`);
  expect(unsure.stdout).toContain("--choose statement=rewrite:");
  expect(await incident.content()).not.toEqual(incident.before);
  const goOn = ["resume", "--yes-sandbox", "--plain", "--choose", "path=clone", "--choose"];
  const state = given(cli, await cli.run([...goOn, `statement=${xid}`]));
  expect(await incident.content()).toEqual(incident.before);
  expect(stepOf(state, "merge").result).toMatchObject({ inserted: 300 });
});

test("a dropped table that was made again, empty, gets its rows back", async () => {
  const { incident, cli } = await aShop("dropped");
  await incident.session.run("", "drop table shop.lines");
  const { stderr } = await cli.run([...asWritten("drop"), "--set", "table=shop.lines"]);
  expect(stderr).toMatch(/^HF-TABLE-UNKNOWN [^]*make it again first, empty, under its old name/);
  await incident.session.run(
    "",
    "create table shop.lines (id bigint generated always as identity primary key, order_id bigint not null references shop.orders on delete cascade, what text not null)",
  );
  await throughClone(cli, "drop", "shop.lines");
  expect(await incident.content()).toEqual(incident.before);
});
