import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import path from "node:path";
import { Fault } from "../../../core/errors.ts";

/** The folder below which servers of ours live: entered by anyone (each folder in it is closed), written by us only. */
export function makeScratchRoot(folder: string): string {
  const full = path.resolve(folder);
  mkdirSync(full, { recursive: true, mode: 0o711 });
  const found = lstatSync(full);
  const uid = process.getuid?.() ?? found.uid;
  // A strict umask would keep the server's account out; what may be entered may still not be listed.
  if (found.isDirectory() && found.uid === uid) chmodSync(full, (found.mode & 0o777) | 0o711);
  if (found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0) return full;
  throw new Fault("HF-SCRATCH-UNSAFE", `the scratch folder ${full} is not a folder of ours alone`, {
    exit: "refused",
    still: "Nothing was put there.",
    hint: "Name a folder that only you may write to under scratch.folder in holdfast.yaml: `scratch: { folder: /var/tmp/yours }`; it is made where it is not there.",
  });
}
