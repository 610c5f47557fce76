import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { Fault } from "../../../../core/errors.ts";
import { readControl } from "./control.ts";
import { onFiles } from "./file-fault.ts";

/** A base backup as it lies on this machine; only ever read. */
export interface BaseBackup {
  readonly folder: string;
  /** `base.tar`, `base.tar.gz`, or null: the folder is the data folder itself. */
  readonly tar: string | null;
  readonly major: number;
  readonly label: BackupLabel;
  /** Of which server it is, by its control file; null where that is not to be had before it is unpacked. */
  readonly system: string | null;
  /** When it was begun, in its own words. */
  readonly startedAt: string;
  /** About how much the clone will take; of a packed one the packed size. */
  readonly bytes: number;
}

export interface BackupLabel {
  /** Where the log must be read from. */
  readonly start: string;
  readonly timeline: number;
}

/** Faults `HF-CLONE-BACKUP`, exit `refused`, say what the folder lacks; `HF-CLONE-BACKUP-READ`, that it can't be read. */
export function readBackup(folder: string): Promise<BaseBackup> {
  return onFiles(() => backupIn(folder), folder);
}

async function backupIn(folder: string): Promise<BaseBackup> {
  readdirSync(folder);
  const tar = ["base.tar", "base.tar.gz"].find((name) => existsSync(path.join(folder, name))) ?? null;
  const label = await entry(folder, tar, "backup_label");
  if (label === null) throw backupFault(`${folder} holds no backup_label: it is no base backup`);
  const start = /^START WAL LOCATION: ([0-9A-F]+\/[0-9A-F]+)/m.exec(label)?.[1];
  const timeline = Number(/^START TIMELINE: (\d+)/m.exec(label)?.[1]);
  const major = Number.parseInt((await entry(folder, tar, "PG_VERSION")) ?? "", 10);
  if (start === undefined || !Number.isInteger(timeline))
    throw backupFault(`${folder}: its backup_label can't be read`);
  if (!Number.isInteger(major)) throw backupFault(`${folder} holds no PG_VERSION`);
  const startedAt = /^START TIME: (.+)$/m.exec(label)?.[1] ?? "at an unknown time";
  const system = tar === null ? systemIn(path.join(folder, "global", "pg_control")) : null;
  return { folder, tar, major, label: { start, timeline }, system, startedAt, bytes: sizeOf(folder, tar) };
}

function systemIn(control: string): string | null {
  return existsSync(control) && lstatSync(control).isFile() ? readControl(readFileSync(control)).system : null;
}

/** A small file of the backup, as text. */
async function entry(folder: string, tar: string | null, name: string): Promise<string | null> {
  if (tar === null) {
    const file = path.join(folder, name);
    return existsSync(file) && lstatSync(file).isFile() ? readFileSync(file, "utf8") : null;
  }
  for (const inside of [name, `./${name}`]) {
    const words = ["--extract", "--to-stdout", "--occurrence=1", "--file", path.join(folder, tar), inside];
    const { stdout, failed } = await execa("tar", words, { reject: false, stdin: "ignore" });
    if (!failed) return stdout;
  }
  return null;
}

function sizeOf(folder: string, tar: string | null): number {
  if (tar === null) return treeSize(folder);
  return tarsIn(folder).reduce((sum, name) => sum + lstatSync(path.join(folder, name)).size, 0);
}

/** base.tar first; one per tablespace, named by its id; pg_wal.tar. */
export function tarsIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => /^(base|pg_wal|\d+)\.tar(\.gz)?$/.test(name));
}

function treeSize(folder: string): number {
  let sum = 0;
  for (const found of readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, found.name);
    if (found.isDirectory()) sum += treeSize(place);
    else if (found.isFile()) sum += lstatSync(place).size;
  }
  return sum;
}

function backupFault(message: string): Fault {
  return new Fault("HF-CLONE-BACKUP", message, {
    exit: "refused",
    still: "Nothing was changed.",
    hint: "Under backup.base the config names a copy of the data folder with its backup_label, or a folder with base.tar[.gz] in it.",
  });
}
