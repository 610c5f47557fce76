import { chmodSync, chownSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import type { Connection } from "../src/engines/postgres/connection.ts";
import { makeServerFolder, serverAccount } from "../src/engines/postgres/server/account.ts";
import { type PrivateServer, removeServer, startServer } from "../src/engines/postgres/server/private-server.ts";
import type { ArchivingServer } from "../test/support/backup.ts";
import { insertStaged, putBack, stage } from "./by-hand.ts";
import { columns } from "./shop.ts";
import { timed } from "./timing.ts";

/** A damaged server, the base backup from before, and its archive. */
export interface Damage {
  readonly from: ArchivingServer;
  readonly base: string;
}

/**
 * What a DBA who has every command ready does by psql and cp: find the COMMIT of whoever deleted most in the log; copy the backup, replay up
 * to just before it, COPY the table; replay up to just after it, COPY what is still there; one INSERT .. SELECT of what went from one to the
 * other, one anti-join. No journal, no guard, no batches, no copy that outlives it.
 */
export async function cloneByHand(damage: Damage): Promise<{ readonly totalMs: number }> {
  return inProduction(damage, async (production, folder, commit) => {
    const before = await startClone(damage, folder, commit);
    const rows = await before.connect("shop");
    await stage(production, rows, columns, "public.t");
    await rows.close();
    await before.stop("fast");
    const after = await replayTo(damage, folder, commit, "on");
    await dropWhatIsLeft(production, after);
    await after.stop("immediate");
    await insertStaged(production, columns);
  });
}

/** The same by one who knows the statement's WHERE clause, and is sure that nothing else took or kept rows: no second look is needed. */
export async function cloneByWhere(damage: Damage, where: string): Promise<{ readonly totalMs: number }> {
  return inProduction(damage, async (production, folder, commit) => {
    const before = await startClone(damage, folder, commit);
    await putBack(production, await before.connect("shop"), columns, `public.t where ${where}`);
    await before.stop("immediate");
  });
}

async function inProduction(
  { from, base }: Damage,
  work: (production: Connection, folder: string, commit: string) => Promise<void>,
): Promise<{ readonly totalMs: number }> {
  const production = await from.server.connect("shop");
  const folder = path.join(from.server.scratch, "by-hand");
  const { ms } = await timed(async () => {
    await work(production, folder, await commitOf(production, base));
    await removeServer(folder);
  });
  await production.close();
  return { totalMs: ms };
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

async function startClone(damage: Damage, folder: string, commit: string): Promise<PrivateServer> {
  const account = serverAccount();
  makeServerFolder(folder, account);
  const data = path.join(folder, "data");
  await execa("cp", ["-aT", damage.base, data]);
  await execa("chown", ["-R", `${account.uid}:${account.gid}`, data]);
  chmodSync(data, 0o700);
  writeFileSync(path.join(data, "recovery.signal"), "");
  chownSync(path.join(data, "recovery.signal"), account.uid, account.gid);
  return replayTo(damage, folder, commit, "off");
}

async function replayTo(
  { from }: Damage,
  folder: string,
  commit: string,
  inclusive: "on" | "off",
): Promise<PrivateServer> {
  const settings = {
    archive_mode: "off",
    restore_command: `cp ${from.archive}/%f %p`,
    recovery_target_lsn: commit,
    recovery_target_inclusive: inclusive,
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

/** Rows that are there just after the COMMIT were not taken by it. */
async function dropWhatIsLeft(production: Connection, after: PrivateServer): Promise<void> {
  const rows = await after.connect("shop");
  await production.run("making", "create temporary table kept (id bigint primary key)");
  await pipeline(
    rows.client.query(copyTo("copy (select id from public.t) to stdout")),
    production.client.query(copyFrom("copy kept from stdin")),
  );
  await rows.close();
  await production.run("leaving out", "delete from public.staging s using kept k where s.id = k.id");
}
