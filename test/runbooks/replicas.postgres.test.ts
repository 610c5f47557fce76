import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Connection, Row } from "../../src/engines/postgres/connection.ts";
import { makeServerFolder, serverAccount, socketFolder } from "../../src/engines/postgres/server/account.ts";
import { type PrivateServer, startServer } from "../../src/engines/postgres/server/private-server.ts";
import type { RunEnd } from "../../src/runner/session.ts";
import { anIncident, type Incident } from "../cli-on-postgres/incident.ts";
import { postgresTarget, testAssembly } from "../support/assembly.ts";
import { type ArchivingServer, startArchivingServer, takeBackup } from "../support/backup.ts";
import { startTestServer, testBinaries, type TestServer } from "../support/postgres.ts";

let from: ArchivingServer;
let elsewhere: TestServer;
beforeAll(async () => {
  const settings = { wal_level: "logical", autovacuum: "off", fsync: "off", hot_standby_feedback: "on" };
  from = await startArchivingServer({ settings });
  elsewhere = await startTestServer({ settings: { autovacuum: "off", fsync: "off" } });
});
afterAll(() => Promise.all([from.end(), elsewhere.end()]));

const until = async (what: string, is: () => Promise<boolean>) => {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await is()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not within 20 s: ${what}`);
};

/** A server that follows by streaming, tells its oldest snapshot back, and has one open. */
async function aStandby(): Promise<{ readonly standby: PrivateServer; readonly report: Connection }> {
  const base = await takeBackup(from, `standby-${Date.now()}`);
  const folder = path.join(from.server.scratch, "sb");
  makeServerFolder(folder, serverAccount());
  await execa("cp", ["-a", `${base}/.`, path.join(folder, "data")]);
  writeFileSync(path.join(folder, "data", "standby.signal"), "");
  const slots = path.join(folder, "data", "pg_replslot"); // a base backup leaves them out
  for (const name of readdirSync(slots)) rmSync(path.join(slots, name), { recursive: true });
  const { uid, gid } = serverAccount();
  await execa("chown", ["-R", `${uid}:${gid}`, path.join(folder, "data")]);
  const settings = {
    wal_level: "logical",
    primary_conninfo: `host=${socketFolder(from.server.folder)} port=5432 user=postgres application_name=standby`,
    hot_standby_feedback: "on",
    max_standby_streaming_delay: "1s",
    wal_receiver_status_interval: "1s",
  };
  const standby = await startServer({ binaries: from.server.binaries, folder, settings });
  const report = await standby.connect("shop", "reading");
  await report.client.query("begin isolation level repeatable read; select count(*) from shop.orders");
  onTestFinished(async () => {
    await report.close();
    await standby.stop("immediate");
    rmSync(folder, { recursive: true, force: true });
  });
  return { standby, report };
}

/** A database elsewhere with the same tables, which subscribes to them. */
async function aSubscriber(incident: Incident): Promise<Connection> {
  const making = await elsewhere.connect("postgres");
  await making.run("", "drop database if exists shop with (force)");
  await making.run("", "create database shop");
  await making.close();
  const session = await elsewhere.connect("shop");
  await session.client.query(`create schema shop; create type shop.state as enum ('open', 'paid', 'cancelled');
    create table shop.orders (id bigint primary key, state shop.state not null, placed timestamptz not null, tags text[],
      detail jsonb, note text, total numeric(12,2) not null);
    create table shop.lines (id bigint primary key, order_id bigint not null, what text not null)`);
  await incident.session.run("", "create publication tables for table shop.orders, shop.lines");
  const conninfo = `host=${socketFolder(from.server.folder)} port=5432 user=postgres dbname=shop`;
  await session.run("", `create subscription follows connection '${conninfo}' publication tables`);
  onTestFinished(async () => {
    await session.run("", "drop subscription if exists follows");
    await session.close();
  });
  await until("the subscriber has the rows", async () => (await rowsAt(session)) === "300 600");
  return session;
}

async function rowsAt(session: Connection): Promise<string> {
  const { n } = await session.row(
    "",
    "select (select count(*) from shop.orders) || ' ' || (select count(*) from shop.lines) as n",
  );
  return n ?? "";
}

/** Reads all changes that a publication carries, as a CDC program does, until it is told to end. */
async function aReader(incident: Incident, publication: string) {
  const session = await from.server.connect("shop");
  await session.row("", "select pg_create_logical_replication_slot('cdc', 'pgoutput')");
  let changes = 0;
  const read = async () => {
    const sql = `select count(*) as n from pg_logical_slot_get_binary_changes('cdc', null, null, 'proto_version', '1', 'publication_names', $1)`;
    changes += Number((await session.row("", sql, [publication])).n);
  };
  let going = true;
  const ended = (async () => {
    while (going) {
      await read();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  ended.catch(() => undefined);
  onTestFinished(async () => {
    going = false;
    await ended.catch(() => undefined);
    await session.close();
    await incident.session.run("", "select pg_drop_replication_slot('cdc')");
  });
  return { changes: () => changes, failed: () => Promise.race([ended, Promise.resolve("reads")]) };
}

async function aRun(): Promise<RunEnd> {
  const assembly = testAssembly({
    reachable: postgresTarget(from.server.url("shop"), "sandbox"),
    serverBinaries: testBinaries(),
    scratch: mkdtempSync(path.join(from.server.scratch, "scratch-")),
  });
  try {
    const inputs = { table: "shop.orders" };
    const plan = await assembly.workbench.plan({ runbook: "restore-after-bad-delete", target: "shop", inputs });
    const session = assembly.workbench.open(plan, {
      purpose: "live",
      wishes: { choices: { statement: "largest", path: "page-transplant" }, keepRescue: false },
      interactive: false,
      yesSandbox: true,
    });
    return await session.ended;
  } finally {
    await assembly.end();
  }
}

/** Of the standby and of each logical reader: that it follows, by the one session that it had. */
async function followers({ session }: Incident): Promise<readonly Row[]> {
  return session.rows(
    "",
    "select application_name as who, pid::text, state from pg_stat_replication order by application_name",
  );
}

const isStreaming = ({ state }: Row) => state === "streaming";

const said = ({ state, fault }: RunEnd) =>
  [
    ...state.steps.flatMap(({ findings, verified }) =>
      [...findings, ...verified].map(({ level, text, hint = "" }) => `${level}: ${text} ${hint}`),
    ),
    fault?.message ?? "",
    fault?.hint ?? "",
  ].join("\n");

/** The marker of a new row has come to both. */
async function bothFollow(incident: Incident, subscriber: Connection, standby: Connection): Promise<void> {
  await incident.session.run("", "insert into shop.orders (state, placed, total) values ('open', now(), 4711)");
  for (const one of [subscriber, standby])
    await until("a new row came", async () => {
      const { n } = await one.row("", "select count(*) as n from shop.orders where total = 4711");
      return n === "1";
    });
}

test("a subscriber, a CDC reader of the tables and a standby with feedback go on through a whole run, and have the rows after it", async () => {
  const incident = await anIncident(from.server, "shop", { statement: "select 1" });
  const subscriber = await aSubscriber(incident);
  const { standby, report } = await aStandby();
  const reader = await aReader(incident, "tables");
  await until("both follow", async () => (await followers(incident)).filter(isStreaming).length === 2);
  const before = await followers(incident);
  await incident.session.run("", "delete from shop.orders where state = 'cancelled'");
  await until("the subscriber lost them too", async () => (await rowsAt(subscriber)) === "200 400");
  const end = await aRun();
  expect({ exit: end.exit, bug: end.bug }, said(end)).toEqual({ exit: "ok", bug: undefined });
  expect(await incident.content()).toEqual(incident.before);
  await until("the subscriber has them again", async () => (await rowsAt(subscriber)) === "300 600");
  const now = await standby.connect("shop", "reading");
  await bothFollow(incident, subscriber, now);
  await now.close();
  expect(await followers(incident)).toEqual(before);
  expect((await report.row("", "select count(*) as n from shop.orders")).n).toBe("300");
  expect(await reader.failed()).toBe("reads");
  await until("the reader has the rows", () => Promise.resolve(reader.changes() >= 600));
  const slots = "select slot_name as name, wal_status from pg_replication_slots where slot_name like 'holdfast%'";
  expect(await incident.session.rows("", slots)).toEqual([]);
});

test("where a publication for all tables would carry ours to a reader, nothing is begun, all go on, and what opens it is named", async () => {
  const incident = await anIncident(from.server, "shop", { statement: "select 1" });
  const subscriber = await aSubscriber(incident);
  await incident.session.run("", "create publication everything for all tables");
  const { standby } = await aStandby();
  const reader = await aReader(incident, "everything");
  await until("both follow", async () => (await followers(incident)).filter(isStreaming).length === 2);
  const before = await followers(incident);
  await incident.session.run("", "delete from shop.orders where state = 'cancelled'");
  await until("the reader has the change", () => Promise.resolve(reader.changes() > 0));
  const files = await incident.bytes();
  const end = await aRun();
  expect(end.exit).toBe("refused");
  expect(said(end)).toMatch(/stop: .*publication everything \(all tables\)/);
  expect(said(end)).toContain("DROP PUBLICATION everything");
  expect(end.state.leases).toEqual([]);
  expect(await incident.bytes()).toEqual(files);
  const now = await standby.connect("shop", "reading");
  await bothFollow(incident, subscriber, now);
  await now.close();
  expect(await followers(incident)).toEqual(before);
  expect(await reader.failed()).toBe("reads");
});

test("where subscribers keep what is deleted here, their apply would stop on the rows: nothing is begun, and the way on is named", async () => {
  const incident = await anIncident(from.server, "shop", { statement: "select 1" });
  const subscriber = await aSubscriber(incident);
  await incident.session.run("", "alter publication tables set (publish = 'insert, update')");
  await incident.session.run("", "delete from shop.orders where state = 'cancelled'");
  const end = await aRun();
  expect(end.exit).toBe("refused");
  expect(said(end)).toMatch(/stop: .*publication tables/);
  expect(said(end)).toContain("ALTER PUBLICATION tables DROP TABLE shop.orders");
  expect(end.state.leases).toEqual([]);
  await incident.session.run("", "insert into shop.orders (state, placed, total) values ('open', now(), 1)");
  await until("the subscriber goes on", async () => (await rowsAt(subscriber)) === "301 600");
});
