import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import path from "node:path";
import { Fault } from "../../../core/errors.ts";
import { sha256 } from "../../../core/ids.ts";
import type { ServerBinaries } from "./binaries.ts";

/** The account under which servers of ours run. PostgreSQL refuses to run as root, so root lends them to `nobody`. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
  /** Words that start a program under this account and end it when we die. */
  readonly prefix: readonly string[];
}

export function serverAccount(): ServerAccount {
  const uid = process.getuid?.() ?? 0;
  const dies = ["--pdeathsig", "QUIT"];
  if (uid !== 0) return { uid, gid: process.getgid?.() ?? uid, prefix: ["setpriv", ...dies, "--"] };
  const nobody = passwdEntry("nobody");
  const identity = [`--reuid=${nobody.uid}`, `--regid=${nobody.gid}`, "--clear-groups"];
  return { ...nobody, prefix: ["setpriv", ...identity, ...dies, "--"] };
}

function passwdEntry(name: string): { uid: number; gid: number } {
  const fields = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([entry]) => entry === name);
  if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  throw new Fault("HF-PG-NO-ACCOUNT", `this machine has no account "${name}" to run a private PostgreSQL under`, {
    exit: "environment",
    hint: "Run Holdfast as an ordinary user, or add that account.",
  });
}

/**
 * The folder stays ours: only what lies in data/ and sock/ belongs to the server's account. Root must never follow a path through a
 * folder that another account may change, since that account could put a link in its way.
 */
export function makeServerFolder(folder: string, account: ServerAccount): void {
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  chmodSync(folder, account.uid === process.getuid?.() ? 0o700 : 0o711);
  for (const part of [dataFolder(folder), socketFolder(folder)]) {
    mkdirSync(part, { recursive: true, mode: 0o700 });
    if (lstatSync(part).uid !== account.uid) chownSync(part, account.uid, account.gid);
  }
}

export const dataFolder = (folder: string) => path.join(folder, "data");
export const socketFolder = (folder: string) => path.join(folder, "sock");

/**
 * Root's server runs under another account, which may not be able to reach where the programs lie (a clone in a 0700 home): then they
 * are copied once, to a folder that anyone may read. Anyone else uses them where they are.
 */
export function reachableBinaries(binaries: ServerBinaries, scratch: string): ServerBinaries {
  if (process.getuid?.() !== 0 || isPublic(binaries.bin)) return binaries;
  const home = path.dirname(binaries.bin);
  const stamp = statSync(path.join(binaries.bin, "postgres"));
  const name = `programs-${binaries.version}-${sha256(`${binaries.bin} ${stamp.size} ${stamp.mtimeMs}`).slice(0, 12)}`;
  const copy = path.join(scratch, name);
  if (!existsSync(copy)) copyPrograms(home, copy);
  return { ...binaries, bin: path.join(copy, "bin") };
}

function copyPrograms(from: string, to: string): void {
  const half = `${to}.${process.pid}`;
  rmSync(half, { recursive: true, force: true });
  for (const part of ["bin", "lib", "share"]) {
    cpSync(path.join(from, part), path.join(half, part), { recursive: true, verbatimSymlinks: true });
  }
  if (existsSync(to)) rmSync(half, { recursive: true, force: true });
  else renameSync(half, to);
}

/** Every folder on the way, and the file, may be read by anyone. */
function isPublic(bin: string): boolean {
  const parts = path.resolve(bin).split(path.sep);
  const folders = parts.map((_, index) => parts.slice(0, index + 1).join(path.sep) || "/");
  return folders.every((folder) => (statSync(folder).mode & 0o005) === 0o005);
}
