import { mkdtempSync, readdirSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunState, stepOf } from "../../src/core/run-state.ts";
import { Fault } from "../../src/core/errors.ts";
import { Secret } from "../../src/core/secret.ts";
import type { RunEnd } from "../../src/runner/session.ts";
import { anIncident, footprintOf, type Incident } from "../cli-on-postgres/incident.ts";
import { postgresTarget, testAssembly } from "../support/assembly.ts";
import { archiveAll, type ArchivingServer, startArchivingServer, takeBackup } from "../support/backup.ts";
import { testBinaries } from "../support/postgres.ts";

let from: ArchivingServer;
let base: string;
beforeAll(async () => {
  from = await startArchivingServer({ settings: { autovacuum: "off", fsync: "off" } });
  const making = await from.server.connect("postgres");
  // What the role has is given by each test, and by nobody else.
  await making.client.query("create role clerk login; revoke create on schema public from public");
  await making.close();
});
afterAll(() => from.end());

/** A shop with a backup from before, and the clerk with these rights; then a third of its orders is deleted, and archived unless told otherwise. */
async function aShop(rights: string, how: { readonly archived?: boolean } = {}): Promise<Incident> {
  const postgres = await from.server.connect("postgres");
  await postgres.client.query("drop database if exists shop with (force)");
  await postgres.client.query("drop role clerk; create role clerk login");
  await postgres.close();
  const incident = await anIncident(from.server, "shop", { statement: "select 1" });
  await incident.session.client.query(rights);
  base = await takeBackup(from, `b${readdirSync(from.backups).length}`);
  await incident.session.run("", "delete from shop.orders where state = 'cancelled'");
  if (how.archived !== false) await archiveAll(from, incident.session);
  return incident;
}

interface How {
  readonly backup?: boolean;
  readonly path?: string;
  readonly statement?: string;
}

async function asClerk({ backup = true, path: way = "clone", statement = "largest" }: How = {}): Promise<RunEnd> {
  const url = new Secret(from.server.url("shop").reveal().replace("postgres@", "clerk@"));
  const log = { kind: "folder", folder: from.archive } as const;
  const scratch = mkdtempSync(path.join(from.server.scratch, "scratch-"));
  const assembly = testAssembly({
    reachable: { ...postgresTarget(url, "sandbox"), ...(backup ? { backup: { base, log } } : {}) },
    serverBinaries: testBinaries(),
    scratch,
  });
  try {
    const inputs = { table: "shop.orders" };
    const plan = await assembly.workbench.plan({ runbook: "restore-after-bad-delete", target: "shop", inputs });
    const session = assembly.workbench.open(plan, {
      purpose: "live",
      wishes: { choices: { statement, path: way }, keepRescue: false },
      interactive: false,
      yesSandbox: true,
    });
    return await session.ended;
  } finally {
    await assembly.end();
  }
}

/** All that was said, and of what failed why. */
function said({ state, fault }: RunEnd): string {
  const found = state.steps.flatMap(({ step, findings, verified }) =>
    [...findings, ...verified].map(({ level, text, hint = "" }) => `${step.key} ${level}: ${text} ${hint}`),
  );
  return [...found, fault?.message ?? "", fault?.hint ?? ""].join("\n");
}

async function isBack(incident: Incident, end: RunEnd): Promise<RunState> {
  expect({ exit: end.exit, bug: end.bug }, said(end)).toEqual({ exit: "ok", bug: undefined });
  expect(await incident.content()).toEqual(incident.before);
  expect(end.state.leases.filter(({ status }) => status !== "released")).toEqual([]);
  expect(await leftOf(incident)).toEqual(incident.clean.filter(isOurs));
  return end.state;
}

/** The footprint's catalogues know the role's rights too, which a test may have given since. */
const isOurs = (what: string) => /^(slot|option|extension|session|lock)/.test(what);

async function leftOf({ session }: Incident): Promise<readonly string[]> {
  for (let tries = 0; ; tries += 1) {
    const left = (await footprintOf(session)).filter(isOurs);
    if (tries === 40 || !left.some((what) => what.startsWith("session"))) return left;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const tableRights = "grant usage on schema shop to clerk; grant select, insert on shop.orders, shop.lines to clerk;";
const sequences = "grant select, usage on all sequences in schema shop to clerk;";
const making = "grant create on database shop to clerk;";
const enough = `${tableRights} ${sequences} ${making}`;
const owning = `grant usage on schema shop to clerk; alter table shop.orders owner to clerk; alter table shop.lines owner to clerk;`;

const kindsOf = (state: RunState) => [...new Set(state.leases.map(({ lease }) => lease.kind))].toSorted();

describe("brings every row back by a clone, with the rights of", () => {
  test.each([
    ["the tables and CREATE on the database", enough, ["clone", "rescue-area"]],
    [
      "a REPLICATION role, which pins the rows",
      `${enough} alter role clerk replication;`,
      ["clone", "rescue-area", "row-pin"],
    ],
    [
      "a REPLICATION role in pg_monitor, which pins the log too",
      `${enough} alter role clerk replication; grant pg_monitor to clerk;`,
      ["clone", "rescue-area", "row-pin", "wal-pin"],
    ],
    [
      "the tables' owner, which turns autovacuum off",
      `${owning} ${making}`,
      ["autovacuum-off", "clone", "rescue-area"],
    ],
    [
      "pg_read_all_data and pg_write_all_data",
      `grant pg_read_all_data, pg_write_all_data to clerk; ${making}`,
      ["clone", "rescue-area"],
    ],
  ])("%s", async (_, rights, kinds) => {
    const incident = await aShop(rights);
    const state = await isBack(incident, await asClerk());
    expect(kindsOf(state)).toEqual(kinds);
    expect(stepOf(state, "merge").result).toMatchObject({ inserted: 300 });
  });
});

describe("before any effect, the very statements that open it are named to", () => {
  test.each([
    ["a role that may only replicate", "alter role clerk replication;"],
    ["a role that may only read", "grant pg_read_all_data to clerk;"],
    ["a role with rights on the table alone", tableRights],
    [
      "a role with rights on the first table alone",
      "grant usage on schema shop to clerk; grant select, insert on shop.orders to clerk;",
    ],
    ["a monitor", "grant pg_monitor to clerk;"],
    ["a role that reads the server's files", "grant pg_read_server_files to clerk;"],
    ["the tables' owner without CREATE on the database", owning],
  ])("%s", async (_, rights) => {
    const incident = await aShop(rights);
    const before = await incident.bytes();
    for (let round = 1; ; round += 1) {
      const end = await asClerk().catch(hintOf);
      if (typeof end !== "string" && end.exit === "ok") {
        await isBack(incident, end);
        expect(round).toBeGreaterThan(1);
        return;
      }
      const refused = typeof end === "string" ? end : said(end);
      const grants = refused.match(/(GRANT (CREATE|SELECT|INSERT|USAGE)|ALTER ROLE \w+ BYPASSRLS)[^;]*;/g) ?? [];
      expect(grants, refused).not.toEqual([]);
      expect(round, refused).toBeLessThan(4);
      expect(await leftOf(incident)).toEqual(incident.clean.filter(isOurs));
      if (round === 1) expect(await incident.bytes()).toEqual(before);
      for (const grant of new Set(grants)) await incident.session.client.query(grant);
    }
  });
});

function hintOf(error: unknown): string {
  if (error instanceof Fault) return error.record.hint ?? "";
  throw error;
}

test("with neither a superuser nor a backup nothing is begun, and both are named", async () => {
  const incident = await aShop(enough);
  const end = await asClerk({ backup: false });
  expect(end.exit).toBe("refused");
  expect(said(end)).toMatch(/clerk is no superuser.*names no backup/);
  expect(await leftOf(incident)).toEqual(incident.clean.filter(isOurs));
});

test("a bad UPDATE of a role that may only insert is refused before anything is rescued, and the right is named", async () => {
  const incident = await aShop(enough, { archived: false });
  const was = await incident.content();
  await incident.session.run("", "update shop.orders set state = 'cancelled'");
  await archiveAll(from, incident.session);
  const before = await incident.bytes();
  const refused = await asClerk({ statement: "largest-update" });
  expect(refused.exit).not.toBe("ok");
  expect(said(refused)).toContain("GRANT SELECT, UPDATE ON shop.orders TO clerk;");
  expect(kindsOf(refused.state)).not.toContain("rescue-area");
  expect(await incident.bytes()).toEqual(before);
  await incident.session.run("", "grant update on shop.orders to clerk");
  const end = await asClerk({ statement: "largest-update" });
  expect({ exit: end.exit, bug: end.bug }, said(end)).toEqual({ exit: "ok", bug: undefined });
  expect(await incident.content()).toEqual(was);
});

test("a statement that is not archived yet is not found, pg_switch_wal is named, and after it the run goes through", async () => {
  const incident = await aShop(enough, { archived: false });
  const end = await asClerk();
  expect(end.exit).not.toBe("ok");
  expect(said(end)).toContain("pg_switch_wal()");
  expect(await leftOf(incident)).toEqual(incident.clean.filter(isOurs));
  await archiveAll(from, incident.session);
  await isBack(incident, await asClerk());
});

test("sequences that are another's go forward too, where the table's file was taken with their numbers", async () => {
  const incident = await aShop(enough, { archived: false });
  const last = "select last_value as n from shop.orders_id_seq";
  await incident.session.run("", "truncate shop.orders restart identity cascade");
  expect(await incident.session.row("", last)).toEqual({ n: "1" });
  await archiveAll(from, incident.session);
  const end = await asClerk({ statement: "rewrite" });
  expect({ exit: end.exit, bug: end.bug }, said(end)).toEqual({ exit: "ok", bug: undefined });
  const { n, ids } = await incident.session.row("", "select count(*) as n, max(id) as ids from shop.orders");
  expect(n).toBe("200");
  expect(await incident.session.row("", last)).toEqual({ n: ids });
});

test("a role that may read the server's log needs no archived file of it", async () => {
  const reads =
    "grant execute on function pg_read_binary_file(text, bigint, bigint, boolean), pg_stat_file(text, boolean) to clerk;";
  const incident = await aShop(`${enough} ${reads}`, { archived: false });
  await isBack(incident, await asClerk());
});
