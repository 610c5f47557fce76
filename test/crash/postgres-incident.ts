import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import type { Backup } from "../../src/engines/engine.ts";
import type { Connection } from "../../src/engines/postgres/connection.ts";
import { type ArchivingServer, dropOldLog, startArchivingServer, takeBackup } from "../support/backup.ts";
import { debian } from "../support/dirtyread.ts";
import { startTestServer, type TestServer } from "../support/postgres.ts";

export const crashPaths = ["recommended", "pg-dirtyread", "wal", "clone", "beside"] as const;
export type CrashPath = (typeof crashPaths)[number];
export const crashIncidents = ["delete", "truncate", "update", "remade", "changed"] as const;

/**
 * Which way the rows come back, and what took them: TRUNCATE leaves nothing but a clone. After `remade` (a DELETE) and `changed` (an UPDATE)
 * others made or changed some of the rows again, and the operator decides that all the same all is to be as before.
 */
export interface PostgresCase {
  readonly path: CrashPath;
  readonly incident: (typeof crashIncidents)[number];
}

/** The server of a world, and how what is needed for its path comes about. */
export interface Ground {
  readonly server: TestServer;
  readonly backup: Backup | null;
  /** A session that keeps the rows on their pages; null where they are to be gone. */
  strike(session: Connection): Promise<Connection | null>;
  restart(): Promise<void>;
  end(): Promise<void>;
}

const calm = { track_commit_timestamp: "on", autovacuum: "off", fsync: "off" };
/** Files of 1 MB: a trial fills one in part, and each is read, archived and copied. */
const smallFiles = ["-E", "UTF8", "--locale=C.UTF-8", "--wal-segsize=1"];

export async function postgresGround({ path: way, incident }: PostgresCase): Promise<Ground> {
  if (incident === "truncate" && way !== "clone") throw new Error("what a TRUNCATE took comes back by --path clone");
  if (incident === "update" && (way === "beside" || way === "pg-dirtyread"))
    throw new Error("former values come back by --path recommended, wal or clone");
  if ((incident === "remade" || incident === "changed") && way !== "recommended")
    throw new Error("what others did since is tried by --path recommended");
  const statement = badStatements[incident];
  switch (way) {
    case "recommended":
      return keptOnPages(statement, {}, since[incident] ?? []);
    case "pg-dirtyread":
      return keptOnPages(statement, debian);
    case "wal":
      return keptInLog(statement);
    case "clone":
      return keptInBackup(statement, [cleanUp]);
    case "beside":
      return keptInBackup(alsoLocked, [...halfGone]);
  }
}

/** By which path it is told to bring the rows back. */
export function pathChoices(way: CrashPath): readonly string[] {
  return way === "beside" ? ["path=page-transplant", "beside=clone"] : [`path=${way}`];
}

const badDelete = "delete from shop.orders where state = 'cancelled'";
const badUpdate = "update shop.orders set total = 0, note = 'gone' where state = 'cancelled'";
const badStatements = {
  delete: badDelete,
  truncate: "truncate shop.orders, shop.lines",
  update: badUpdate,
  remade: badDelete,
  changed: badUpdate,
} as const;
const since: Readonly<Record<string, readonly string[]>> = {
  remade: [
    "insert into shop.orders (id, state, placed, total) overriding system value values (5, 'open', now(), 1), (8, 'open', now(), 1)",
    "delete from shop.orders where id = 8",
  ],
  changed: ["update shop.orders set total = -1 where id in (5, 8, 899)"],
};
/** It also holds rows that live on: a clone has to look at what is left just after it. */
const alsoLocked = `with held as (select id from shop.orders where state <> 'cancelled' limit 3 for update)
  ${badDelete} and (select count(*) from held) > 0`;
const cleanUp = "vacuum shop.orders, shop.lines";
/** One table's rows are off their pages, and the first of the other's: reading by key cleans what it passes. */
const halfGone = [
  "vacuum shop.lines",
  "set enable_seqscan = off",
  "select count(note) from shop.orders where id < 400",
  "reset enable_seqscan",
];

/** What the operator decides, where others were at work since. */
export function conflictChoices(incident: PostgresCase["incident"]): readonly string[] {
  if (incident === "changed") return ["conflicts:changed-since=overwrite"];
  return incident === "remade" ? ["conflicts:remade=overwrite", "conflicts:removed-since=insert"] : [];
}

/** What the log tells of earlier trials' deletes of the same rows goes: with this one they would pass for a loop. */
async function keptOnPages(
  statement: string,
  programs: { readonly major?: number; readonly bin?: string } = {},
  after: readonly string[] = [],
): Promise<Ground> {
  return standing(
    await startTestServer({ ...programs, settings: calm, initdb: smallFiles }),
    async (session, server) => {
      await dropLog(session);
      const report = await server.connect("shop");
      await report.client.query("begin isolation level repeatable read; select 1 from shop.orders limit 1");
      await session.run("the bad statement", statement);
      for (const sql of after) await session.run("what others do", sql);
      return report;
    },
  );
}

/**
 * The first change of each page since a checkpoint puts the whole page into the log, so what it has since then is enough. What is older
 * goes, since it tells of the incidents of earlier trials; what is newer stays, though the server crashes before anybody holds it.
 */
async function keptInLog(statement: string): Promise<Ground> {
  const server = await startTestServer({ settings: { ...calm, checkpoint_timeout: "1h" }, initdb: smallFiles });
  return standing(server, async (session) => {
    await dropLog(session);
    await session.run("the bad statement", statement);
    await session.run("cleaning up after it", cleanUp);
    return null;
  });
}

async function dropLog(session: Connection): Promise<void> {
  await keepLog(session, "0");
  for (let tries = 0; tries < 100; tries += 1) {
    await session.run("ending the log's file", "select pg_switch_wal()");
    await session.run("letting go of the log", "checkpoint");
    const { older } = await session.row("looking", olderFiles);
    if (older === "0") return keepLog(session, "32MB");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the server keeps log of earlier trials");
}

const olderFiles = `select count(*)::text as older from pg_ls_waldir()
  where name ~ '^[0-9A-F]{24}$' and name < pg_walfile_name((select redo_lsn from pg_control_checkpoint()))`;

async function keepLog(session: Connection, size: string): Promise<void> {
  await session.run("saying how much log is kept", `alter system set wal_keep_size = '${size}'`);
  await session.run("telling the server so", "select pg_reload_conf()");
}

/** Neither the pages nor the server's own log have anything: only the backup of just before, and the archive. */
async function keptInBackup(statement: string, after: readonly string[]): Promise<Ground> {
  const from = await startArchivingServer({ settings: { ...calm, checkpoint_timeout: "1h" }, initdb: smallFiles });
  const base = path.join(from.backups, "base");
  const ground = standing(from.server, async (session, server) => {
    await renew({ ...from, server }, base);
    await session.run("the bad statement", statement);
    for (const sql of after) await session.run("cleaning up after it", sql);
    await dropOldLog({ ...from, server }, session);
    return null;
  });
  return {
    ...ground,
    get server() {
      return ground.server;
    },
    backup: { base, log: { kind: "folder", folder: from.archive } },
    end: () => ground.end().then(() => from.end()),
  };
}

/** A trial replays no log of an earlier one. */
async function renew(from: ArchivingServer, base: string): Promise<void> {
  rmSync(base, { recursive: true, force: true });
  for (const file of readdirSync(from.archive)) rmSync(path.join(from.archive, file));
  await takeBackup(from, path.basename(base));
}

function standing(
  first: TestServer,
  strike: (session: Connection, server: TestServer) => Promise<Connection | null>,
): Ground {
  let server = first;
  return {
    get server() {
      return server;
    },
    backup: null,
    strike: (session) => strike(session, server),
    restart: async () => {
      server = await server.restart("immediate");
    },
    end: () => server.end(),
  };
}
