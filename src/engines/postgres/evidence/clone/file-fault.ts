import { Fault } from "../../../../core/errors.ts";
import { scratchFault } from "../scratch-files.ts";

/**
 * Reads the backup. What the file system refuses is nobody's bug: `HF-CLONE-BACKUP-READ` where the backup can't be read or changes
 * meanwhile, `HF-SCRATCH-DISK` where there is no room for the clone. May be tried again.
 */
export async function onFiles<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileFault(error) ?? error;
  }
}

function fileFault(error: unknown): Fault | null {
  if (!(error instanceof Error) || !("errno" in error)) return null;
  const { code = "", path: file = "" } = error as NodeJS.ErrnoException;
  const still = "The target was not touched by this; what was copied so far goes with the clone's folder.";
  if (code === "ENOSPC" || code === "EDQUOT") return scratchFault(error);
  const draft = { exit: "environment", still, cause: `${code} ${file}`.trim() } as const;
  if (code === "EACCES" || code === "EPERM")
    return new Fault(
      "HF-CLONE-BACKUP-READ",
      "a file of the base backup may not be read by this account",
      { ...draft, hint: "Let this account read all of the folder under backup.base, then retry." },
      { cause: error },
    );
  return new Fault(
    "HF-CLONE-BACKUP-READ",
    "a file of the base backup could not be read, or went away meanwhile",
    { ...draft, hint: "Keep the backup as it is (no rotation, no clean-up) until the clone stands, then retry." },
    { cause: error },
  );
}
