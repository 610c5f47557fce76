import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { canary } from "../cli-on-postgres/canary.ts";
import { type Proxy, startProxy } from "./proxy.ts";
import type { CrashWorld } from "./world.ts";

/** Stands in the password of every target's URL. */
export const secret = canary("pw");

/** One trial's own home, state, scratch and working folder, with a holdfast.yaml as an operator would have it. */
export interface Place {
  readonly folder: string;
  readonly work: string;
  readonly journal: string;
  readonly scratch: string;
  readonly trace: string;
  readonly env: Readonly<Record<string, string>>;
  readonly proxy: Proxy | null;
  /** Leaves not a byte on that disk, until all are freed. */
  fillDisk(which: Disk): void;
  freeDisks(): void;
  end(): Promise<void>;
}

/** The journal's, and that of the scratch folder. */
export type Disk = "state" | "scratch";

/** What a run needs of each, and some room. */
const megabytes: Readonly<Record<Disk, number>> = { state: 32, scratch: 256 };

/** A file system of its own can be mounted by root alone. */
export const canMount = process.getuid?.() === 0 && process.platform === "linux";

export async function makePlace(
  world: CrashWorld,
  needs: { readonly proxy: boolean; readonly smallDisks: Readonly<Record<Disk, boolean>> },
): Promise<Place> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-crash-"));
  // A server of ours under another account has to come in, as root.
  chmodSync(folder, 0o711);
  const [home, state, work, tmp] = ["home", "state", "w", "tmp"].map((name) => path.join(folder, name)) as Four;
  const scratch = path.join(folder, "s");
  for (const one of [home, state, work, tmp]) mkdirSync(one, { mode: 0o700 });
  mkdirSync(scratch, { mode: 0o711 });
  const folders: Readonly<Record<Disk, string>> = { state, scratch };
  const mounted = (["state", "scratch"] as const).filter((disk) => needs.smallDisks[disk]);
  for (const disk of mounted) mount(folders[disk], megabytes[disk], disk === "state" ? "0700" : "0711");
  const filler = (disk: Disk) => path.join(folders[disk], "filler");
  const proxy = needs.proxy && world.socket !== null ? await startProxy(path.join(folder, "p"), world.socket) : null;
  writeFileSync(path.join(work, "holdfast.yaml"), JSON.stringify(config(world, folder, scratch)));
  const socket = proxy?.folder ?? world.socket?.() ?? folder;
  const url = `postgresql://postgres:${secret.core}@/shop?host=${encodeURIComponent(socket)}&port=5432`;
  return {
    folder,
    work,
    scratch,
    journal: path.join(state, "holdfast"),
    trace: path.join(folder, "trace"),
    proxy,
    env: { PATH: "/usr/bin:/bin", HOME: home, XDG_STATE_HOME: state, TMPDIR: tmp, LANG: "C.UTF-8", SHOP_URL: url },
    fillDisk: (disk) => fill(filler(disk)),
    freeDisks: () => {
      for (const disk of mounted) rmSync(filler(disk), { force: true });
    },
    end: async () => {
      await proxy?.end();
      for (const disk of mounted) execFileSync("umount", ["-l", folders[disk]]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Four = [string, string, string, string];

function config(world: CrashWorld, folder: string, scratch: string) {
  const backup =
    world.backup?.log.kind === "folder"
      ? { backup: { base: world.backup.base, archive: world.backup.log.folder } }
      : {};
  return {
    targets: { shop: { engine: "postgres", url: "env:SHOP_URL", environment: "sandbox", database: "shop", ...backup } },
    scratch: { folder: scratch },
    limits: { batchRows: world.batchRows, lockTimeout: "2s", minFreeDisk: 0.001 },
    stopFile: path.join(folder, "STOP"),
    tickets: "none",
  };
}

function mount(folder: string, size: number, mode: string): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}m,mode=${mode}`, "holdfast-crash", folder]);
}

/** Every process of this machine whose command line names the folder or something in it, or that stands in it: a server's own children name nothing. */
export function processesNaming(folder: string): readonly { readonly pid: number; readonly line: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), line: commandLine(name), stands: standsIn(name) }))
    .filter(({ line, stands }) => line.includes(folder) || stands.startsWith(`${folder}/`))
    .map(({ pid, line }) => ({ pid, line }));
}

function standsIn(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return ""; // it has ended meanwhile, or is another account's
  }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // it has ended meanwhile
  }
}

function fill(file: string): void {
  const fd = openSync(file, "w");
  const piece = Buffer.alloc(4096, 1);
  try {
    for (;;) writeSync(fd, piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(fd);
  }
}
