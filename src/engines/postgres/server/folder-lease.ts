import path from "node:path";
import { type RunId, runTag } from "../../../core/ids.ts";
import { isJsonObject } from "../../../core/json.ts";
import type { Lease, LeaseDraft } from "../../../core/lease.ts";
import type { HoldPart } from "../../engine.ts";
import type { PostgresTarget } from "../target.ts";
import { makeServerFolder, serverAccount } from "./account.ts";
import { makeScratchRoot } from "./scratch-root.ts";

/** Folders of ours below the scratch folder in which a server may live, one a run: what their names begin with. */
export type FolderPrefix = "pg-" | "clone-";

/** Found again from the run alone, after a kill. */
export function folderOfRun(target: PostgresTarget, prefix: FolderPrefix, run: RunId): string {
  return path.join(path.resolve(target.request.machine.scratch), `${prefix}${runTag(run)}`);
}

type FolderWords = Required<Pick<LeaseDraft, "kind" | "words" | "costs" | "byHand">>;

/** The folder under its lease, empty; the server itself lives only while rows are read from it. */
export function folderPart(
  target: PostgresTarget,
  folder: string,
  { kind, words, costs, byHand }: FolderWords,
): HoldPart {
  const name = path.basename(folder);
  return {
    lease: { kind, name, where: "machine", words, costs, byHand, keepable: false, facts: { folder } },
    take: () => {
      makeScratchRoot(target.request.machine.scratch);
      makeServerFolder(folder, serverAccount());
      return Promise.resolve({ folder });
    },
  };
}

/** Where a lease's folder lies. Only one of that name is ever removed, whatever the facts say. */
export function folderOfLease(
  target: PostgresTarget,
  prefix: FolderPrefix,
  { name, facts }: Pick<Lease, "name" | "facts">,
): string {
  const root = path.resolve(target.request.machine.scratch);
  const noted = isJsonObject(facts) && typeof facts.folder === "string" ? facts.folder : path.join(root, name);
  return path.basename(noted) === name && name.startsWith(prefix) ? noted : path.join(root, path.basename(name));
}
