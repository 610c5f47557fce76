import { constants, lstatSync, mkdirSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { copyFile, mkdir, rename } from "node:fs/promises";
import path from "node:path";
import type { Watch } from "../../../engine.ts";
import type { BaseBackup } from "./backup.ts";
import { onFiles } from "./file-fault.ts";
import { isBeside, proveBrought, spacesIn, strange } from "./inside.ts";
import { unpack } from "./unpack.ts";

/** Ours takes their place, the server makes them anew, or they tell of sessions, files and places that are not the clone's. */
const leftOut = new Set([
  "postmaster.pid",
  "postmaster.opts",
  "postgresql.conf",
  "postgresql.auto.conf",
  "pg_hba.conf",
  "pg_ident.conf",
  "standby.signal",
  "recovery.signal",
  "recovery.conf",
  "recovery.done",
  "tablespace_map",
  "backup_manifest",
  "current_logfiles",
  "log",
  "pg_log",
  "pg_tblspc",
]);
/** Made anew and empty. */
const emptied = new Set([
  "pg_wal",
  "pg_replslot",
  "pg_dynshmem",
  "pg_notify",
  "pg_serial",
  "pg_snapshots",
  "pg_stat_tmp",
  "pg_subtrans",
]);

export interface Staging {
  readonly backup: BaseBackup;
  readonly data: string;
  readonly spaces: string;
  readonly watch: Watch;
}

/**
 * Puts the backup's files into the empty folder, which must still be ours alone. Takes files and folders, and follows no link: all of
 * the backup is proved before the first file is taken. Gives the ids of the tablespaces, whose contents lie below `spaces`.
 */
export function stageBackup(staging: Staging): Promise<readonly string[]> {
  return onFiles(() => staged(staging));
}

async function staged({ backup, data, spaces, watch }: Staging): Promise<readonly string[]> {
  const total = Math.ceil(backup.bytes / megabyte);
  let bytes = 0;
  const seen = (size: number) => {
    watch.signal.throwIfAborted();
    bytes += size;
    watch.progress({ done: Math.min(total, Math.floor(bytes / megabyte)), total, unit: "MB", note: "the base backup" });
  };
  const into = path.join(path.dirname(data), "unpacked");
  const unpacked = backup.tar === null ? null : await unpack(backup, into, watch);
  const root = { folder: unpacked?.base ?? realpathSync(backup.folder), unpacked: unpacked !== null };
  proveBrought(root, notRead);
  const found = spacesIn(root, backup.major, unpacked?.spaces ?? []);
  const put: Put = {
    kind: unpacked === null ? "copy" : "move",
    seen,
    taken: new Set(found.map(({ place }) => place)),
    failed: { is: false },
  };
  mkdirSync(spaces, { mode: 0o700 });
  for (const { id, place } of found) await putTree(put, place, path.join(spaces, id));
  await putData(put, root, data);
  if (unpacked !== null) rmSync(into, { recursive: true, force: true });
  return found.map(({ id }) => id);
}

const megabyte = 1e6;
const notRead: ReadonlySet<string> = new Set([...leftOut, ...emptied]);

interface Put {
  readonly kind: "copy" | "move";
  readonly seen: (bytes: number) => void;
  /** Folders of tablespaces: within the data they are left out. */
  readonly taken: ReadonlySet<string>;
  /** Set when one has failed: nothing more is begun, in whatever folder. */
  readonly failed: { is: boolean };
}

async function putData(put: Put, root: { readonly folder: string; readonly unpacked: boolean }, data: string) {
  for (const name of readdirSync(root.folder)) {
    const from = path.join(root.folder, name);
    if (!notRead.has(name) && !isBeside(from, root.unpacked)) await within(put, from, path.join(data, name));
  }
  for (const name of emptied) mkdirSync(path.join(data, name), { mode: 0o700 });
  mkdirSync(path.join(data, "pg_tblspc"), { mode: 0o700 });
}

async function within(put: Put, from: string, to: string): Promise<void> {
  if (!put.taken.has(path.resolve(from))) await putTree(put, from, to);
}

async function putTree(put: Put, from: string, to: string): Promise<void> {
  const found = lstatSync(from);
  if (found.isDirectory()) {
    await mkdir(to, { mode: 0o700 });
    await someAtOnce(put, readdirSync(from), (name) => within(put, path.join(from, name), path.join(to, name)));
  } else if (found.isFile()) {
    put.seen(found.size);
    // Where the file system can share blocks, a copy costs no space.
    if (put.kind === "copy") await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    else await rename(from, to);
  } else throw strange(from);
}

/** A cluster is a thousand small files: one after the other their copying is mostly waiting. When one fails, none is begun any more. */
async function someAtOnce(
  { failed }: Put,
  names: readonly string[],
  put: (name: string) => Promise<void>,
): Promise<void> {
  const left = [...names];
  const worker = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined && !failed.is; name = left.shift()) await put(name);
  };
  const workers = [worker, worker, worker, worker].map((work) =>
    work().catch((error: unknown) => {
      failed.is = true;
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  await Promise.all(workers);
}
