import { Fault } from "../../../../core/errors.ts";
import { scratchFault } from "../scratch-files.ts";

/**
 * Reads the backup. What the file system refuses is nobody's bug: `HF-CLONE-BACKUP-READ` where the backup can't be read, is not there
 * (`base`, as the config's path was taken) or changes meanwhile, `HF-SCRATCH-DISK` where there is no room for the clone. May be tried again.
 */
export async function onFiles<T>(work: () => Promise<T>, base?: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileFault(error, base) ?? error;
  }
}

function fileFault(error: unknown, base: string | undefined): Fault | null {
  if (!(error instanceof Error) || !("errno" in error)) return null;
  const { code = "", path: file = "" } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return scratchFault(error);
  const read = (message: string, hint: string) =>
    new Fault(
      "HF-CLONE-BACKUP-READ",
      message,
      { exit: "environment", still: untouched, cause: `${code} ${file}`.trim(), hint },
      { cause: error },
    );
  const named = file === "" ? "" : `: ${file}`;
  if (code === "EACCES" || code === "EPERM")
    return read(
      `a file of the base backup may not be read by this account${named}`,
      "Let this account read all of the folder under backup.base, then retry.",
    );
  if (base !== undefined && file === base && (code === "ENOENT" || code === "ENOTDIR"))
    return read(
      `the folder of the base backup ${code === "ENOENT" ? "is not there" : "is no folder"}${named}`,
      whereHint(base),
    );
  return read(
    `a file of the base backup could not be read, or went away meanwhile${named}`,
    "Keep the backup as it is (no rotation, no clean-up) until the clone stands, then retry.",
  );
}

const untouched = "The target was not touched by this; what was copied so far goes with the clone's folder.";

/** By then the config's path is an absolute one, and no longer looks as it was written. */
function whereHint(base: string): string {
  const home = base.includes("/~") ? " A ~ is no home there: write the path in full." : "";
  return `That is what backup.base in holdfast.yaml was taken as: a relative path counts from the folder of that file.${home} Name the folder of the backup there, or bring it back.`;
}
