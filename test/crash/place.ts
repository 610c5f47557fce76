import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
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
  /** Leaves not a byte on the journal's disk, until it is freed. */
  fillDisk(): void;
  freeDisk(): void;
  end(): Promise<void>;
}

const smallDiskMegabytes = 32;

/** A file system of its own can be mounted by root alone. */
export const canMount = process.getuid?.() === 0 && process.platform === "linux";

export async function makePlace(
  world: CrashWorld,
  needs: { readonly proxy: boolean; readonly smallDisk: boolean },
): Promise<Place> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-crash-"));
  // A server of ours under another account has to come in, as root.
  chmodSync(folder, 0o711);
  const [home, state, work, tmp] = ["home", "state", "w", "tmp"].map((name) => path.join(folder, name)) as Four;
  const scratch = path.join(folder, "s");
  for (const one of [home, state, work, tmp]) mkdirSync(one, { mode: 0o700 });
  mkdirSync(scratch, { mode: 0o711 });
  if (needs.smallDisk)
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${smallDiskMegabytes}m,mode=0700`, "holdfast-crash", state]);
  const filler = path.join(state, "filler");
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
    fillDisk: () => fill(filler),
    freeDisk: () => rmSync(filler, { force: true }),
    end: async () => {
      await proxy?.end();
      if (needs.smallDisk) execFileSync("umount", ["-l", state]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Four = [string, string, string, string];

function config(world: CrashWorld, folder: string, scratch: string) {
  return {
    targets: { shop: { engine: "postgres", url: "env:SHOP_URL", environment: "sandbox", database: "shop" } },
    scratch: { folder: scratch },
    limits: { batchRows: world.batchRows, lockTimeout: "2s", minFreeDisk: 0.001 },
    stopFile: path.join(folder, "STOP"),
    tickets: "none",
  };
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
