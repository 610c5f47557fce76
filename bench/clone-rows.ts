import { chmodSync, chownSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import type { Connection } from "../src/engines/postgres/connection.ts";
import { makeServerFolder, serverAccount } from "../src/engines/postgres/server/account.ts";
import { removeServer, startServer } from "../src/engines/postgres/server/private-server.ts";
import { type ArchivingServer, archiveAll, startArchivingServer, takeBackup } from "../test/support/backup.ts";
import { putBack } from "./by-hand.ts";
import { columns, emptyShop, fillTable } from "./shop.ts";
import { atMost, type Figure } from "./timing.ts";
import { type WholeRun, withHoldfast } from "./whole-run.ts";

const taken = "id % 10 <> 0";

/**
 * P1, the clone's path: nine tenths of a table were deleted and vacuumed away; a base backup from before it and the log since bring them
 * back. Against the same by hand on the same server, each with damage of its own.
 */
export async function cloneRows(rows = 1_000_000): Promise<readonly Figure[]> {
  const hand = await afterDamage(rows, byHandClone);
  const ours = await afterDamage(rows, cloneWithHoldfast);
  const what = `${((rows * 9) / 10).toLocaleString("en-US")} vacuumed rows back and verified by a clone, whole run`;
  return [atMost("P1", what, ours.totalMs / 1000, hand.totalMs / 1000, 1.1, "s", "by hand")];
}

export interface Damage {
  readonly from: ArchivingServer;
  readonly base: string;
}

/** A fresh server, backed up and then damaged; what the work says, when nothing is missing after it. */
export async function afterDamage<T>(rows: number, work: (damage: Damage) => Promise<T>): Promise<T> {
  const from = await startArchivingServer({
    settings: { autovacuum: "off", max_wal_size: "8GB", shared_buffers: "512MB", track_commit_timestamp: "on" },
  });
  try {
    const session = await emptyShop(from.server);
    await fillTable(session, rows);
    const base = await takeBackup(from, "base");
    await damageIn(session);
    await session.client.query("vacuum public.t");
    await archiveAll(from, session);
    const result = await work({ from, base });
    const { count } = await session.row("counting", "select count(*) from public.t");
    if (Number(count) !== rows) throw new Error(`${count} of ${rows} rows are there`);
    await session.close();
    return result;
  } finally {
    await from.end();
  }
}

/** The transaction that takes nine rows of ten. */
export async function damageIn(session: Connection): Promise<void> {
  await session.run("the bad DELETE", `delete from public.t where ${taken}`);
}

/**
 * What a DBA does who knows the WHERE clause, with every command ready: the COMMIT of whoever deleted most, out of the log; copy, replay up
 * to just before, COPY, INSERT .. SELECT, anti-join.
 */
async function byHandClone({ from, base }: Damage): Promise<{ readonly totalMs: number }> {
  const production = await from.server.connect("shop");
  const began = performance.now();
  const folder = path.join(from.server.scratch, "by-hand");
  const clone = await startClone(from, base, folder, await commitOf(production, base));
  await putBack(production, await clone.connect("shop"), columns, `public.t where ${taken}`);
  await clone.stop("immediate");
  await removeServer(folder);
  const totalMs = performance.now() - began;
  await production.close();
  return { totalMs };
}

/** One reading of all log since the backup. */
async function commitOf(production: Connection, base: string): Promise<string> {
  const [, start] = /START WAL LOCATION: (\S+)/.exec(readFileSync(path.join(base, "backup_label"), "utf8")) ?? [];
  const { commit } = await production.row(
    "finding the COMMIT",
    `select max(start_lsn) filter (where record_type like 'COMMIT%')::text as commit
       from public.pg_get_wal_records_info($1::text::pg_lsn, pg_current_wal_flush_lsn()) group by xid
      order by count(*) filter (where resource_manager = 'Heap' and record_type like 'DELETE%') desc limit 1`,
    [start ?? ""],
  );
  if (commit == null) throw new Error("the log since the backup has no COMMIT of the DELETE");
  return commit;
}

async function startClone(from: ArchivingServer, base: string, folder: string, commit: string) {
  const account = serverAccount();
  makeServerFolder(folder, account);
  const data = path.join(folder, "data");
  await execa("cp", ["-aT", base, data]);
  await execa("chown", ["-R", `${account.uid}:${account.gid}`, data]);
  chmodSync(data, 0o700);
  writeFileSync(path.join(data, "recovery.signal"), "");
  chownSync(path.join(data, "recovery.signal"), account.uid, account.gid);
  const settings = {
    archive_mode: "off",
    restore_command: `cp ${from.archive}/%f %p`,
    recovery_target_lsn: commit,
    recovery_target_inclusive: "off",
    recovery_target_action: "pause",
    fsync: "off",
    autovacuum: "off",
  };
  const clone = await startServer({ binaries: from.server.binaries, folder, settings });
  const asking = await clone.connect("shop");
  while (!(await isPaused(asking))) await new Promise((resolve) => setTimeout(resolve, 50));
  await asking.close();
  return clone;
}

async function isPaused(clone: Connection): Promise<boolean> {
  const { state } = await clone.row("asking", "select pg_get_wal_replay_pause_state() as state");
  return state === "paused";
}

export async function cloneWithHoldfast({ from, base }: Damage): Promise<WholeRun> {
  return withHoldfast(from.server, "clone", { base, log: { kind: "folder", folder: from.archive } });
}
