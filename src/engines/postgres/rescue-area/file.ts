import { constants, existsSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { Fault } from "../../../core/errors.ts";
import type { RunId } from "../../../core/ids.ts";
import type { TableName } from "../../inspect.ts";
import { areaName } from "./area.ts";

const folderName = /^holdfast_rescue_[0-9a-f]{12}$/;

/** Below the scratch folder of this machine; the run's alone. */
export function rescueFolder(scratch: string, run: RunId): string {
  return path.join(path.resolve(scratch), areaName(run));
}

/** 0700, with a list of which file holds which table. Idempotent. */
export function makeFileFolder(
  folder: string,
  tables: readonly { readonly table: TableName; readonly columns: readonly string[] }[],
): void {
  const list = tables.map(({ table, columns }, index) => ({ file: `t${index + 1}.copy`, table, columns }));
  onDisk(folder, () => {
    mkdirSync(path.dirname(folder), { recursive: true, mode: 0o711 });
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    assertOurs(folder);
    writeFileSync(path.join(folder, "tables.json"), `${JSON.stringify(list, null, 2)}\n`, { mode: 0o600 });
  });
}

/** Others may write into a shared temporary folder: a link or a folder of somebody else's is refused. */
function assertOurs(folder: string): void {
  const found = lstatSync(folder);
  const uid = process.getuid?.() ?? found.uid;
  if (found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0) return;
  throw new Fault("HF-SCRATCH-UNSAFE", `${folder} is not a folder of ours alone`, {
    exit: "refused",
    still: "Nothing was put there.",
    hint: "Remove it, or name another scratch folder in holdfast.yaml.",
  });
}

export interface RescueFile {
  write(chunk: Uint8Array): Promise<void>;
  /** On disk, name and all, when it returns. */
  finish(): Promise<void>;
  /** Closes it where `finish` was not reached; the next fill writes it anew. */
  drop(): Promise<void>;
}

/** Written anew from the start, 0600. `beside`: under another name, until it is whole and takes the place of the one that is there. */
export async function openRescueFile(
  folder: string,
  rows: string,
  how: "over" | "beside" = "over",
): Promise<RescueFile> {
  const place = path.join(folder, `${rows.slice(rows.indexOf(".") + 1)}.copy`);
  const file = how === "over" ? place : `${place}.new`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const handle = await guarded(file, () => open(file, flags, 0o600));
  const bytes = { written: 0 };
  return {
    write: (chunk) => guarded(file, () => writeAll(handle, chunk, bytes)),
    finish: () =>
      guarded(file, async () => {
        await handle.sync();
        await handle.close();
        if (file !== place) renameSync(file, place);
        await syncFolder(folder);
      }),
    drop: () => handle.close().catch(() => undefined),
  };
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, bytes: { written: number }): Promise<void> {
  let at = 0;
  while (at < chunk.length) {
    const { bytesWritten } = await handle.write(chunk, at, chunk.length - at, bytes.written);
    at += bytesWritten;
    bytes.written += bytesWritten;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  await handle.sync();
  await handle.close();
}

/** Removes only what has the name that we give such folders. Idempotent. */
export function removeRescueFolder(folder: string): void {
  if (!folderName.test(path.basename(folder))) throw new Error(`${folder} is no rescue folder`);
  onDisk(folder, () => rmSync(folder, { recursive: true, force: true }));
}

export function rescueFolderThere(folder: string): boolean {
  return existsSync(folder);
}

function onDisk<R>(place: string, work: () => R): R {
  try {
    return work();
  } catch (error) {
    throw fileFault(error, place);
  }
}

async function guarded<R>(place: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    throw fileFault(error, place);
  }
}

function fileFault(error: unknown, place: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (error instanceof Fault || code === undefined) return error;
  const draft = {
    cause: code,
    still: "Nothing was merged; the rescue can be repeated.",
    hint:
      code === "ENOSPC"
        ? "Free some space on this machine, then resume."
        : "See that the scratch folder can be written.",
  };
  return new Fault("HF-RESCUE-FILE", `the rescue file ${place} could not be written`, draft, { cause: error });
}
