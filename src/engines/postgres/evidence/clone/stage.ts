import { constants, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { copyFile, mkdir, rename } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { Fault } from "../../../../core/errors.ts";
import type { Watch } from "../../../engine.ts";
import { type BaseBackup, tarsIn } from "./backup.ts";

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
 * Puts the backup's files into the empty folder, which must still be ours alone. Takes regular files and folders, follows no link:
 * a link beside the data is left out, one within it is refused. Gives the ids of the tablespaces, whose contents lie below `spaces`.
 */
export async function stageBackup({ backup, data, spaces, watch }: Staging): Promise<readonly string[]> {
  const total = Math.ceil(backup.bytes / megabyte);
  let bytes = 0;
  const seen = (size: number) => {
    watch.signal.throwIfAborted();
    bytes += size;
    watch.progress({ done: Math.min(total, Math.floor(bytes / megabyte)), total, unit: "MB", note: "the base backup" });
  };
  const unpacked = backup.tar === null ? null : await unpack(backup, path.join(path.dirname(data), "unpacked"), watch);
  const put: Put = unpacked === null ? { kind: "copy", seen } : { kind: "move", seen };
  const base = unpacked ?? backup.folder;
  mkdirSync(spaces, { mode: 0o700 });
  for (const name of readdirSync(base)) {
    if (emptied.has(name)) mkdirSync(path.join(data, name), { mode: 0o700 });
    else if (!leftOut.has(name) && !lstatSync(path.join(base, name)).isSymbolicLink())
      await putTree(put, path.join(base, name), path.join(data, name));
  }
  for (const name of emptied) mkdirSync(path.join(data, name), { recursive: true, mode: 0o700 });
  mkdirSync(path.join(data, "pg_tblspc"), { mode: 0o700 });
  const ids = await putSpaces(put, base, spaces, backup);
  if (unpacked !== null) rmSync(unpacked, { recursive: true, force: true });
  return ids;
}

const megabyte = 1e6;

interface Put {
  readonly kind: "copy" | "move";
  readonly seen: (bytes: number) => void;
}

async function putTree(put: Put, from: string, to: string): Promise<void> {
  const found = lstatSync(from);
  if (found.isDirectory()) {
    await mkdir(to, { mode: 0o700 });
    for (const name of readdirSync(from)) await putTree(put, path.join(from, name), path.join(to, name));
  } else if (found.isFile()) {
    put.seen(found.size);
    // Where the file system can share blocks, a copy costs no space.
    if (put.kind === "copy") await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    else await rename(from, to);
  } else throw strange(from);
}

/** A tablespace is a folder in the backup, or a link to one that lies in the backup too: whatever lies outside may be production's own. */
async function putSpaces(put: Put, base: string, spaces: string, backup: BaseBackup): Promise<readonly string[]> {
  const ids: string[] = [];
  const links = path.join(base, "pg_tblspc");
  for (const id of existsSync(links) ? readdirSync(links) : []) {
    if (!/^\d+$/.test(id)) throw strange(path.join(links, id));
    const place = spaceIn(base, path.join(links, id));
    if (place === null) {
      if (backup.tar !== null && existsSync(packedSpace(base, id))) continue;
      throw outside(id, readlinkSync(path.join(links, id)));
    }
    await putTree(put, place, path.join(spaces, id));
    ids.push(id);
  }
  for (const name of backup.tar === null
    ? []
    : readdirSync(path.dirname(packedSpace(base, "0"))).filter((id) => /^\d+$/.test(id))) {
    await putTree(put, packedSpace(base, name), path.join(spaces, name));
    ids.push(name);
  }
  return ids;
}

function spaceIn(base: string, place: string): string | null {
  const found = lstatSync(place);
  if (found.isDirectory()) return place;
  const to = path.resolve(path.dirname(place), readlinkSync(place));
  return to.startsWith(`${path.resolve(base)}${path.sep}`) && existsSync(to) && lstatSync(to).isDirectory() ? to : null;
}

const packedSpace = (unpacked: string, id: string) => path.join(unpacked, "packed-spaces", id);

/** By the system's tar: it strips leading slashes and refuses to leave the folder. */
async function unpack(backup: BaseBackup, into: string, watch: Watch): Promise<string> {
  mkdirSync(into, { mode: 0o700 });
  mkdirSync(path.join(into, "packed-spaces"), { mode: 0o700 });
  for (const name of tarsIn(backup.folder)) {
    const id = /^\d+/.exec(name)?.[0];
    if (name.startsWith("pg_wal")) continue; // read with the log
    const to = id === undefined ? into : packedSpace(into, id);
    if (id !== undefined) mkdirSync(to, { mode: 0o700 });
    watch.output(`unpacking ${name}`);
    const words = ["--extract", "--no-same-owner", "--file", path.join(backup.folder, name), "--directory", to];
    const { failed, stderr } = await execa("tar", words, {
      reject: false,
      stdin: "ignore",
      cancelSignal: watch.signal,
    });
    if (!failed) continue;
    throw new Fault("HF-CLONE-UNPACK", `${name} of the backup could not be unpacked`, {
      exit: "environment",
      still: "The target was not touched by this.",
      cause: stderr.trim().split("\n").at(-1) ?? "",
      hint: "Free disk space is the usual reason.",
    });
  }
  return into;
}

function strange(file: string): Fault {
  return new Fault("HF-CLONE-STRANGE-FILE", `${file} in the backup is neither a file nor a folder`, {
    exit: "refused",
    still: "Nothing was started; the target was not touched.",
    hint: "A link inside the data folder may lead to production's own files. Take a backup without it.",
  });
}

function outside(id: string, to: string): Fault {
  return new Fault("HF-CLONE-TABLESPACE", `the backup's tablespace ${id} lies outside of it, in ${to}`, {
    exit: "refused",
    still: "Nothing was started; those files may be production's own and were not touched.",
    hint: "Take the backup in tar format, or put the tablespace's copy into the backup's folder pg_tblspc.",
  });
}
