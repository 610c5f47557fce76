import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Fault } from "../core/errors.ts";

/** The package's runbooks folder: the nearest one above this file, which lies in `src/runbooks` or in the bundle's `dist`. */
export function shippedFolder(from: string = fileURLToPath(import.meta.url)): string {
  for (let folder = dirname(from); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return join(folder, "runbooks");
  }
  throw new Fault("HF-RUNBOOK-NOT-FOUND", "the package's runbooks folder is gone", {
    exit: "environment",
    hint: "Install Holdfast again.",
  });
}

/** Files of the runbooks that ship with Holdfast, by id, in the order of their names. */
export function shippedRunbooks(folder = shippedFolder()): ReadonlyMap<string, string> {
  if (!existsSync(folder)) return new Map();
  const files = readdirSync(folder).filter((file) => file.endsWith(".yaml"));
  return new Map(files.toSorted().map((file) => [basename(file, ".yaml"), join(folder, file)]));
}

/** The file of a used runbook: beside the one that uses it, or shipped. An id has no slash, so nothing else can be reached. */
export function findUsed(by: string, id: string, folder = shippedFolder()): string | null {
  const beside = [".yaml", ".yml"]
    .map((ending) => join(dirname(by), `${id}${ending}`))
    .find((file) => existsSync(file));
  return beside ?? shippedRunbooks(folder).get(id) ?? null;
}

/** The file that an operator means: the id of a shipped runbook, or a path: it has a slash, ends in .yaml or .yml, or is there. */
export function findRunbook(written: string, folder = shippedFolder()): string {
  if (/[/\\]|\.ya?ml$/.test(written)) return written;
  const shipped = shippedRunbooks(folder);
  const file = shipped.get(written);
  if (file !== undefined) return file;
  if (existsSync(written)) return written; // what is wrong with it is said when it is read
  throw new Fault("HF-RUNBOOK-NOT-FOUND", "no runbook of that name ships with Holdfast", {
    exit: "input",
    still: "Nothing was started.",
    hint: `Take one of: ${[...shipped.keys()].join(", ") || "none"}; or give a file, for example ./mine.yaml.`,
  });
}
