import { chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { Fault } from "../../../core/errors.ts";
import type { Backup } from "../../engine.ts";
import type { Connection } from "../connection.ts";
import { serverAccount } from "../server/account.ts";
import { serverEnv } from "../server/private-server.ts";

/** Settings with which a server puts each finished file of its log into the folder, whole or not at all. */
export function archiveSettings(archive: string): Readonly<Record<string, string>> {
  const to = quoted(archive).replaceAll("%", "%%");
  return {
    archive_mode: "on",
    archive_command: `test ! -f ${to}/%f && cp %p ${to}/%f.part && mv ${to}/%f.part ${to}/%f`,
  };
}

const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** Beside a server of ours: the archive is the server's to write, the backup ours alone. */
export function backupBeside(folder: string): { readonly base: string; readonly archive: string } {
  return { base: path.join(folder, "backup"), archive: path.join(folder, "archive") };
}

export function backupIn(folder: string): Backup {
  const { base, archive } = backupBeside(folder);
  return { base, log: { kind: "folder", folder: archive } };
}

export function makeArchive(folder: string): void {
  const { archive } = backupBeside(folder);
  const { uid, gid } = serverAccount();
  mkdirSync(archive, { mode: 0o700 });
  chownSync(archive, uid, gid);
}

/**
 * A base backup without client tools: a copy of the data folder, between the server's own words on where to begin and what to write
 * beside it. It has no log of its own; that is in the archive. Fault `HF-REHEARSAL-BACKUP`.
 */
export async function takeBaseBackup(session: Connection, data: string, to: string): Promise<void> {
  const asks = await backupCalls(session);
  await session.row("beginning the base backup", asks.start);
  await copyData(data, to);
  const { labelfile } = await session.row("ending the base backup", asks.stop);
  writeFileSync(path.join(to, "backup_label"), labelfile ?? "", { mode: 0o600 });
}

/** Up to 14 they had other names. */
async function backupCalls(session: Connection): Promise<{ readonly start: string; readonly stop: string }> {
  const { now } = await session.row(
    "asking how a backup is taken",
    "select to_regproc('pg_catalog.pg_backup_start')::text as now",
  );
  return now == null
    ? { start: "select pg_start_backup('copy', true, false)", stop: "select * from pg_stop_backup(false, false)" }
    : { start: "select pg_backup_start('copy', true)", stop: "select * from pg_backup_stop(false)" };
}

/** The copy is ours, whoever owns the data: nobody else can change what lies in it. */
async function copyData(data: string, to: string): Promise<void> {
  const left = new Set(["pg_wal", "postmaster.pid", "postmaster.opts"]);
  const names = readdirSync(data).filter((name) => !left.has(name));
  mkdirSync(path.join(to, "pg_wal"), { recursive: true, mode: 0o700 });
  const words = ["-R", "--no-dereference", "--preserve=mode,timestamps", "--reflink=auto", "--"];
  const { failed, stderr } = await execa("cp", [...words, ...names.map((name) => path.join(data, name)), to], {
    reject: false,
    stdin: "ignore",
    extendEnv: false,
    env: serverEnv(),
  });
  const whole = ["PG_VERSION", "global/pg_control"].every((name) => existsSync(path.join(to, name)));
  if (!whole || (failed && !onlyGone(stderr))) throw backupFault(stderr);
}

/** A file may go away while it is copied: what matters of it is in the log. */
function onlyGone(stderr: string): boolean {
  return stderr.split("\n").every((line) => line === "" || line.includes("No such file or directory"));
}

function backupFault(cause: string): Fault {
  return new Fault("HF-REHEARSAL-BACKUP", "the base backup of the rehearsed server could not be taken", {
    exit: "environment",
    still: "The rehearsal is not used; nothing else was touched.",
    cause: cause.trim(),
    hint: "Free disk space is the usual reason.",
  });
}

/** As archive_timeout would do it: what was written so far is in the archive when this returns. Fault `HF-REHEARSAL-ARCHIVE` after 30 s. */
export async function archiveNow(session: Connection, archive: string): Promise<void> {
  const { file } = await session.row("ending the log's file", "select pg_walfile_name(pg_switch_wal()) as file");
  for (let tries = 0; tries < 600; tries += 1) {
    if (existsSync(path.join(archive, file ?? ""))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Fault("HF-REHEARSAL-ARCHIVE", "the rehearsed server did not archive its log within 30 s", {
    exit: "environment",
    still: "The rehearsal is not used; nothing else was touched.",
    hint: "Free disk space is the usual reason.",
  });
}
