import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { Connection } from "../../src/engines/postgres/connection.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { openJournal } from "../../src/journal/open.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";
import { keys } from "../support/terminal.ts";
import { root } from "../support/source.ts";
import { type Operator, operatorAt, type Seat } from "./operator.ts";

/** Small, but of more than one batch, with a cascade. */
const tables = `
  create schema shop;
  create table shop.orders (id bigint generated always as identity primary key, state text not null, note text, total numeric(12,2) not null);
  create table shop.lines (id bigint generated always as identity primary key, order_id bigint not null references shop.orders on delete cascade, what text not null);
  insert into shop.orders (state, note, total)
    select (array['open','paid','cancelled'])[1 + n % 3], md5(n::text), n / 3.0 from generate_series(1, 900) n;
  insert into shop.lines (order_id, what) select 1 + n % 900, 'line ' || n from generate_series(1, 1800) n;
  create function shop.noted() returns trigger language plpgsql as 'begin return new; end';
  create trigger noted before insert on shop.orders for each row execute function shop.noted();
  alter table shop.orders set (autovacuum_enabled = off);
  alter table shop.lines set (autovacuum_enabled = off);
  analyze`;

const content = `select (select md5(string_agg(o::text, E'\\n' order by id)) from shop.orders o) as orders,
  (select md5(string_agg(l::text, E'\\n' order by id)) from shop.lines l) as lines`;

/** What of ours may be left on a server, or changed in it. */
const footprint = `select 'slot ' || slot_name as what from pg_replication_slots
  union all select 'option ' || c.oid::regclass || ' ' || array_to_string(c.reloptions, ',') from pg_class c where c.reloptions is not null and c.relnamespace >= 16384
  union all select 'extension ' || extname from pg_extension where extname <> 'plpgsql'
  union all select 'schema ' || nspname from pg_namespace where nspname like 'holdfast_rescue%'
  union all select 'session ' || application_name from pg_stat_activity where application_name like 'holdfast:%'
  union all select 'lock ' || pid from pg_locks where locktype = 'advisory'
  order by 1`;

/** The 167th of the 300 deleted orders: in the second batch of a hundred. */
const rowInSecondBatch = 500;

export interface Shop {
  readonly server: TestServer;
  /** A fresh incident, and an operator's desk in front of it. */
  incident(config?: Readonly<Record<string, unknown>>): Promise<Desk>;
  end(): Promise<void>;
}

/** One account, one folder, one shell environment: what is typed in one terminal can be gone on with in another. */
export interface Desk {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  sit(seat?: Seat): Operator;
  /** Another session takes a key of the second batch and keeps it: the merge waits in the middle. Gives what lets it go on. */
  holdSecondBatch(): Promise<() => Promise<void>>;
  /** The server's process for the merge neither works nor listens any more. Gives what wakes it. */
  hangServer(): Promise<() => void>;
  /** Until the merge stands before the row that somebody holds: what is told on the screen comes a moment earlier. */
  mergeWaits(): Promise<void>;
  /** An administrator ends the sessions whose application name is so. */
  endSessions(where: string): Promise<void>;
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
  withJournal<T>(work: (journal: Journal) => T): T;
  /** Only after the rescue: reading removes dead rows. */
  countOrders(): Promise<number>;
  /** What is not as it was before the DELETE: rows, and whatever of ours is still there. Empty when all is well. */
  wrong(): Promise<readonly string[]>;
}

/** One server for a file of tests; each test has a database of its own that is damaged anew. */
export async function startShop(): Promise<Shop> {
  let server = await startTestServer({ settings: { track_commit_timestamp: "on", autovacuum: "off", fsync: "off" } });
  await asAdmin(server, "create database pristine");
  await onDatabase(server, "pristine", (session) => session.client.query(tables));
  return {
    server,
    incident: async (config = {}) => {
      const sessions = await damage(server);
      const { folder, env } = household(server, config);
      onTestFinished(async () => {
        await Promise.all(sessions.open.map((session) => session.close()));
        rmSync(folder, { recursive: true, force: true });
      });
      return {
        folder,
        env,
        sit: (seat = {}) => operatorAt({ ...seat, cwd: folder, env: { ...env, ...seat.env } }),
        holdSecondBatch: () => holdRow(server),
        hangServer: () => hangMerge(server),
        mergeWaits: async () => void (await waitingPids(server)),
        endSessions: (where) =>
          asAdmin(server, `select pg_terminate_backend(pid) from pg_stat_activity where application_name ${where}`),
        stopServer: () => server.stop("immediate"),
        startServer: async () => {
          server = await server.restart();
        },
        withJournal: (work) => withJournal(path.join(env.XDG_STATE_HOME, "holdfast"), work),
        countOrders: () =>
          onDatabase(server, "shop", async (session) =>
            Number((await session.row("counting", "select count(*)::text as n from shop.orders")).n),
          ),
        wrong: () => onDatabase(server, "shop", (session) => wrongIn(session, sessions.before)),
      };
    },
    end: () => server.end(),
  };
}

interface Before {
  readonly content: string;
  readonly footprint: string;
}

/** A report's older snapshot keeps the dead rows from being cleaned away before anybody comes. */
async function damage(server: TestServer): Promise<{ readonly before: Before; readonly open: readonly Connection[] }> {
  await asAdmin(
    server,
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'shop' or application_name like 'holdfast:%'",
    "select pg_drop_replication_slot(slot_name) from pg_replication_slots",
    "drop database if exists shop with (force)",
    "create database shop template pristine",
  );
  const before = await onDatabase(server, "shop", async (session) => ({
    content: JSON.stringify(await session.row("reading", content)),
    footprint: JSON.stringify(await session.rows("looking", footprint)),
  }));
  const report = await server.connect("shop");
  await report.client.query("begin isolation level repeatable read; select 1 from shop.orders limit 1");
  report.client.on("error", () => undefined); // a test may stop the server
  await onDatabase(server, "shop", (session) =>
    session.client.query("delete from shop.orders where state = 'cancelled'"),
  );
  return { before, open: [report] };
}

function household(server: TestServer, config: Readonly<Record<string, unknown>>) {
  const { folder, scratch, env } = emptyHome(server.url("shop").reveal());
  const whole = {
    targets: {
      shop: { engine: "postgres", url: "env:DATABASE_URL", environment: "production" },
      till: { engine: "postgres", url: "env:TILL_URL", environment: "staging", database: "till" },
    },
    scratch: { folder: scratch },
    stopFile: path.join(folder, "STOP"),
    limits: { batchRows: 100, lockTimeout: "60s", statementTimeout: "90s", minFreeDisk: 0.01 },
    ...config,
  };
  writeFileSync(path.join(folder, "holdfast.yaml"), JSON.stringify(whole)); // JSON is YAML
  return { folder, env };
}

/** An operator's own folders and shell environment, with nothing in them yet. */
export function emptyHome(url: string) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-e2e-"));
  chmodSync(folder, 0o711); // a server of ours under another account has to come in
  const [home, state, scratch] = ["home", "state", "s"].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(home, { mode: 0o700 });
  mkdirSync(state, { mode: 0o700 });
  mkdirSync(scratch, { mode: 0o711 });
  const env = {
    PATH: `${path.join(root, "node_modules/.bin")}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    XDG_STATE_HOME: state,
    LANG: "C.UTF-8",
    DATABASE_URL: url,
  };
  return { folder, scratch, env };
}

async function holdRow(server: TestServer): Promise<() => Promise<void>> {
  const session = await server.connect("shop");
  session.client.on("error", () => undefined);
  const taken = `insert into shop.orders (id, state, total) overriding system value values (${rowInSecondBatch}, 'held', 0)`;
  await session.client.query(`begin; ${taken}`);
  let held = true;
  const letGo = async () => {
    if (!held) return;
    held = false;
    await session.client.query("rollback").catch(() => undefined);
    await session.close();
  };
  onTestFinished(letGo);
  return letGo;
}

function waitingPids(server: TestServer): Promise<readonly number[]> {
  const waiting =
    "select pid from pg_stat_activity where application_name like 'holdfast:%' and wait_event_type = 'Lock'";
  return onDatabase(server, "postgres", async (session) => {
    for (let tries = 0; tries < 200; tries += 1) {
      const pids = (await session.rows("looking", waiting)).map(({ pid }) => Number(pid));
      if (pids.length > 0) return pids;
      await sleep(50);
    }
    throw new Error("no session waits in the merge");
  });
}

async function hangMerge(server: TestServer): Promise<() => void> {
  const pids = await waitingPids(server);
  const signal = (name: NodeJS.Signals) => pids.forEach((pid) => process.kill(pid, name));
  signal("SIGSTOP");
  let asleep = true;
  const wake = () => {
    if (asleep) signal("SIGCONT");
    asleep = false;
  };
  onTestFinished(wake);
  return wake;
}

/** A session of a process that has ended takes the server a moment to notice. */
async function wrongIn(session: Connection, before: Before): Promise<readonly string[]> {
  const rows = JSON.stringify(await session.row("reading", content));
  let left = "";
  for (let tries = 0; tries < 100 && left !== before.footprint; tries += 1) {
    if (tries > 0) await systemClock.sleep(50);
    left = JSON.stringify(await session.rows("looking", footprint));
  }
  return [
    ...(rows === before.content ? [] : [`rows differ: ${rows}`]),
    ...(left === before.footprint ? [] : [`left on the server: ${left}`]),
  ];
}

function withJournal<T>(folder: string, work: (journal: Journal) => T): T {
  const journal = openJournal({ folder, clock: systemClock });
  try {
    return work(journal);
  } finally {
    journal.close();
  }
}

async function asAdmin(server: TestServer, ...statements: readonly string[]): Promise<void> {
  await onDatabase(server, "postgres", async (session) => {
    for (const statement of statements) await session.client.query(statement);
  });
}

async function onDatabase<T>(
  server: TestServer,
  database: string,
  work: (session: Connection) => Promise<T>,
): Promise<T> {
  const session = await server.connect(database);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** The words of a run whose choices are made; what has to be confirmed is asked. */
export function runOn(...more: readonly string[]): readonly string[] {
  const choices = ["statement=largest", "path=recommended", "triggers=skip", "keep=drop"].flatMap((one) => [
    "--choose",
    one,
  ]);
  return ["run", "restore-after-bad-delete", "--target", "shop", "--set", "table=shop.orders", ...choices, ...more];
}

/** A run whose merge stands still in its second batch: the first is committed, what comes next decides. */
export async function inTheMerge(desk: Desk): Promise<{ readonly tty: Operator; readonly letGo: () => Promise<void> }> {
  const tty = desk.sit({ args: runOn() });
  await tty.goesOn(/Type the name/);
  await tty.reads();
  const letGo = await desk.holdSecondBatch();
  await tty.type(`shop${keys.enter}`, 60);
  await tty.sees("100 of 900 rows");
  await desk.mergeWaits();
  return { tty, letGo };
}
