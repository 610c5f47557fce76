import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";

const memory = "/dev/shm";
const prefix = "holdfast-tests-";
/** The tests need about a third of it at once. */
const wanted = 6 * 1024 ** 3;

/**
 * Puts what tests write below `TMPDIR` into memory, where there is room and programs may run: their servers sync thousands of files, and the
 * whole takes two thirds of the time. A `TMPDIR` of the caller's stays, and so does a machine without such room. The long run of the crash
 * harness and the benchmarks stay on the disk.
 */
export default function inMemory(): (() => void) | undefined {
  if (process.env["TMPDIR"] !== undefined || room() < wanted) return undefined;
  sweep();
  const folder = mkdtempSync(path.join(memory, `${prefix}${process.pid}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  chmodSync(folder, 0o711); // servers run under an account of their own
  if (!mayRun(folder)) {
    remove();
    return undefined;
  }
  process.env["TMPDIR"] = folder;
  return remove;
}

/** What a run left that was killed would take memory until the machine restarts. */
function sweep(): void {
  for (const name of readdirSync(memory).filter((one) => one.startsWith(prefix)))
    if (!isAlive(Number(name.slice(prefix.length).split("-")[0]))) removeIfOurs(path.join(memory, name));
}

function removeIfOurs(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // another account's: theirs to remove
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
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
