import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  statfsSync,
  statSync,
} from "node:fs";
import path from "node:path";
import { Fault } from "../core/errors.ts";

/** Makes the folder (0700) and an empty file in it (0600), whatever the umask; refuses a place that others own or could write to. */
export function preparePlace(folder: string, file: string): void {
  makeFolder(folder);
  refuseForeignFolder(folder);
  refuseNetwork(folder);
  makePrivateFile(file);
  refuseForeignFile(file);
}

export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  const made = unlessThere(() => {
    mkdirSync(folder);
    return true;
  });
  if (made) chmodSync(folder, 0o700);
}

/** Opens nothing that exists: a process that closes any descriptor of a file loses all its POSIX locks on it, SQLite's too. */
export function makePrivateFile(file: string): void {
  const fd = unlessThere(() => openSync(file, "wx", 0o600));
  if (fd === null) return;
  fchmodSync(fd, 0o600);
  closeSync(fd);
}

/** The file systems on which SQLite's locks or its shared memory do not hold; magic numbers as in Linux' statfs(2). */
export function networkFileSystem(type: number): string | null {
  return networkTypes[type >>> 0] ?? null;
}

const networkTypes: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0x517b: "SMB",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB2",
  0x5346414f: "AFS",
  0x73757245: "Coda",
  0x00c36400: "Ceph",
  0x0bd00bd0: "Lustre",
  0x01161970: "GFS2",
  0x7461636f: "OCFS2",
  0x47504653: "GPFS",
  0x65735546: "FUSE",
  0x786f4256: "VirtualBox share",
};

function unlessThere<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return null;
    throw error;
  }
}

function refuseForeignFolder(folder: string): void {
  const found = statSync(folder);
  if (!found.isDirectory()) throw unsafe(`${folder} is not a folder`, "Name another folder with --journal.");
  if (!isOurs(found.uid)) {
    throw unsafe(`${folder} belongs to another account`, "Name a folder of your own with --journal.");
  }
  if ((found.mode & 0o022) !== 0) throw unsafe(`others may write to ${folder}`, `Run: chmod 700 ${folder}`);
}

function refuseForeignFile(file: string): void {
  const found = lstatSync(file);
  if (!found.isFile()) throw unsafe(`${file} is not a plain file`, "Name another folder with --journal.");
  if (!isOurs(found.uid))
    throw unsafe(`${file} belongs to another account`, "Name a folder of your own with --journal.");
  if ((found.mode & 0o077) !== 0) throw unsafe(`others may read or write ${file}`, `Run: chmod 600 ${file}`);
}

function isOurs(uid: number): boolean {
  return process.getuid === undefined || process.getuid() === uid;
}

function refuseNetwork(folder: string): void {
  if (process.platform !== "linux") return;
  const name = networkFileSystem(statfsSync(folder).type);
  if (name === null) return;
  const hint = "Name a folder on a local disk with --journal, or set XDG_STATE_HOME.";
  const draft = { hint, still: "Nothing was begun.", exit: "journal" as const };
  throw new Fault(
    "HF-JOURNAL-NETWORK",
    `${folder} is on a network file system (${name}), where locks do not hold`,
    draft,
  );
}

function unsafe(message: string, hint: string): Fault {
  return new Fault("HF-JOURNAL-UNSAFE", message, { hint, still: "Nothing was begun.", exit: "journal" });
}
