import { writeSync } from "node:fs";
import { Fault } from "../../../core/errors.ts";

/** What the file system says; what a network or a program says has other codes. */
const refusals = new Set([
  "ENOSPC",
  "EDQUOT",
  "EFBIG",
  "EIO",
  "EROFS",
  "EACCES",
  "EPERM",
  "ENOENT",
  "EMFILE",
  "ENFILE",
]);

/**
 * Writes below the scratch folder. What the file system refuses there is nobody's bug: `HF-SCRATCH-DISK`, exit `environment`. May be tried
 * again once there is room.
 */
export async function onScratch<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw scratchFault(error) ?? error;
  }
}

/** Null where the file system did not say it. */
export function scratchFault(error: unknown): Fault | null {
  if (!(error instanceof Error) || error instanceof Fault) return null;
  const { code = "", path: file = "" } = error as NodeJS.ErrnoException;
  if (!refusals.has(code)) return null;
  const isFull = code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
  return new Fault(
    "HF-SCRATCH-DISK",
    isFull
      ? "there is no room left in the scratch folder"
      : "a file in the scratch folder could not be written or read",
    {
      exit: "environment",
      still:
        "The target was not touched by this, and what holds the evidence still holds it; what was written so far goes with its folder.",
      cause: `${code} ${file}`.trim(),
      hint: "Free disk space where the scratch folder is (scratch.folder in holdfast.yaml), then resume.",
    },
    { cause: error },
  );
}

/** All of it: a disk that is nearly full takes a part. */
export function writeAll(file: number, bytes: Buffer, length: number, at: number): void {
  for (let done = 0; done < length;) done += writeSync(file, bytes, done, length - done, at + done);
}
