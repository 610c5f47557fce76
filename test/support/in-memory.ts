import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";

const memory = "/dev/shm";
/** The tests need about a third of it at once. */
const wanted = 6 * 1024 ** 3;

/**
 * Puts what tests write below `TMPDIR` into memory, where there is room and programs may run: their servers sync thousands of files, and the
 * whole takes two thirds of the time. A `TMPDIR` of the caller's stays, and so does a machine without such room. The long run of the crash
 * harness and the benchmarks stay on the disk.
 */
export default function inMemory(): (() => void) | undefined {
  if (process.env["TMPDIR"] !== undefined || room() < wanted) return undefined;
  const folder = mkdtempSync(path.join(memory, "holdfast-tests-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  chmodSync(folder, 0o711); // servers run under an account of their own
  if (!mayRun(folder)) {
    remove();
    return undefined;
  }
  process.env["TMPDIR"] = folder;
  return remove;
}

function room(): number {
  try {
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

function mayRun(folder: string): boolean {
  const script = path.join(folder, "may-run");
  writeFileSync(script, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  return spawnSync(script).status === 0;
}
