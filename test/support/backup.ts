import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { execa } from "execa";
import type { Connection } from "../../src/engines/postgres/connection.ts";
import { serverAccount } from "../../src/engines/postgres/server/account.ts";
import { startTestServer, type TestServer } from "./postgres.ts";

export interface ArchivingServer {
  readonly server: TestServer;
  /** Where its archive_command puts the log. */
  readonly archive: string;
  readonly backups: string;
  end(): Promise<void>;
}

/** A server that archives its log into a folder of its account, as production does. */
export async function startArchivingServer(
  options: { readonly major?: number; readonly settings?: Record<string, string>; readonly initdb?: string[] } = {},
): Promise<ArchivingServer> {
  const place = mkdtempSync(path.join(os.tmpdir(), "hf-backup-"));
  chmodSync(place, 0o711);
  const [archive, backups] = [path.join(place, "wal"), path.join(place, "backups")];
  const { uid, gid } = serverAccount();
  for (const folder of [archive, backups]) mkdirSync(folder, { mode: 0o700 });
  chownSync(archive, uid, gid);
  const settings = {
    archive_mode: "on",
    archive_command: `test ! -f ${archive}/%f && cp %p ${archive}/%f.part && mv ${archive}/%f.part ${archive}/%f`,
    ...options.settings,
  };
  const server = await startTestServer({ ...options, settings });
  return {
    server,
    archive,
    backups,
    end: async () => {
      await server.end();
      rmSync(place, { recursive: true, force: true });
    },
  };
}

/** A copy of the data folder between the server's own words on where to begin and what to write beside it; no client tools. */
export async function takeBackup(
  from: ArchivingServer,
  name: string,
  during: () => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  const to = path.join(from.backups, name);
  const session = await from.server.connect("postgres");
  const old = Number((await session.row("", "show server_version_num")).server_version_num) < 150_000;
  await session.row("", old ? "select pg_start_backup('t', true, false)" : "select pg_backup_start('t', true)");
  // A file may go away while it is copied; what matters of it is in the log.
  await execa("cp", ["-a", from.server.data, to], { reject: false });
  await during();
  const { labelfile } = await session.row(
    "",
    old ? "select * from pg_stop_backup(false, false)" : "select * from pg_backup_stop(false)",
  );
  writeFileSync(path.join(to, "backup_label"), labelfile ?? "");
  rmSync(path.join(to, "postmaster.pid"), { force: true });
  for (const file of readdirSync(path.join(to, "pg_wal"))) rmSync(path.join(to, "pg_wal", file), { recursive: true });
  await session.close();
  return to;
}

/** Ends the current file of the log and waits until it is archived. */
export async function archiveAll(from: ArchivingServer, session: Connection): Promise<void> {
  // A file in which nothing stands yet is not ended.
  await session.run("", "select pg_logical_emit_message(false, 'holdfast', '')");
  const { file } = await session.row("", "select pg_walfile_name(pg_switch_wal()) as file");
  for (let tries = 0; tries < 400; tries += 1) {
    if (existsSync(path.join(from.archive, file ?? ""))) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${file} was not archived`);
}

/** Nothing but the newest file is left of the server's own log. */
export async function dropOldLog(from: ArchivingServer, session: Connection): Promise<void> {
  await archiveAll(from, session);
  for (let tries = 0; tries < 100; tries += 1) {
    await session
      .run("", "insert into public.filler values (1)")
      .catch(() => session.run("", "create table public.filler (n int)"));
    await archiveAll(from, session);
    await session.run("", "checkpoint");
    const { files } = await session.row(
      "",
      "select count(*)::text as files from pg_ls_waldir() where name < pg_walfile_name(pg_current_wal_lsn()) and name ~ '^[0-9A-F]{24}$'",
    );
    if (Number(files) <= 1) return;
  }
}

/** As pg_basebackup packs it: base.tar, and one per tablespace, named by its id. */
export async function packBackup(folder: string, to: string, form: string): Promise<string> {
  mkdirSync(to, { mode: 0o700 });
  const spaces = path.join(folder, "pg_tblspc");
  const pack = form === "tar.gz" ? ["--gzip"] : [];
  for (const id of readdirSync(spaces)) {
    await execa("tar", [
      "--create",
      ...pack,
      "--file",
      path.join(to, `${id}.${form}`),
      "--directory",
      path.join(spaces, id),
      ".",
    ]);
    rmSync(path.join(spaces, id), { recursive: true });
    writeFileSync(path.join(folder, "tablespace_map"), `${id} /nowhere\n`, { flag: "a" });
  }
  const names = readdirSync(folder);
  await execa("tar", ["--create", ...pack, "--file", path.join(to, `base.${form}`), "--directory", folder, ...names]);
  return to;
}
