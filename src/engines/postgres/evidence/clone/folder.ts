import { existsSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { isJsonObject } from "../../../../core/json.ts";
import { type RunId, runTag } from "../../../../core/ids.ts";
import type { LeaseDraft, LeaseKeeper } from "../../../../core/lease.ts";
import type { HoldPart } from "../../../engine.ts";
import { makeServerFolder, serverAccount } from "../../server/account.ts";
import { removeServer } from "../../server/private-server.ts";
import { makeScratchRoot } from "../../server/scratch-root.ts";
import type { PostgresTarget } from "../../target.ts";
import { fetchMark } from "./log/source.ts";

/** Where everything of a clone lies. `data` and `spaces` are the server's; what is ours alone stays beside them. */
export interface ClonePlaces {
  readonly folder: string;
  /** Files of the log, each as the server may read it. */
  readonly log: string;
  /** Contents of tablespaces, by id. */
  readonly spaces: string;
  /** Rows as they were read, until they are in the rescue area. */
  readonly rows: string;
}

export function cloneFolder(target: PostgresTarget, run: RunId): string {
  return path.join(path.resolve(target.request.machine.scratch), `clone-${runTag(run)}`);
}

export function clonePlaces(folder: string): ClonePlaces {
  const below = (name: string) => path.join(folder, name);
  return { folder, log: below("wal"), spaces: below("spaces"), rows: below("rows") };
}

/** The clone's folder on this machine; its server lives only while rows are read from it. */
export function clonePart(target: PostgresTarget, run: RunId): HoldPart {
  const folder = cloneFolder(target, run);
  const lease: LeaseDraft = {
    kind: "clone",
    name: path.basename(folder),
    where: "machine",
    words: `A point-in-time clone in ${folder}: it listens on no address, archives nothing, and is never promoted.`,
    costs: "Disk space for the whole base backup and the WAL since then, and for the rows.",
    byHand: `rm -r ${folder} ${folder}${fetchMark}*`,
    keepable: false,
    facts: { folder },
  };
  return {
    lease,
    take: () => {
      makeScratchRoot(target.request.machine.scratch);
      makeServerFolder(folder, serverAccount());
      return Promise.resolve({ folder });
    },
  };
}

/** Found by its folder; given back by ending its server, then removing the folder. */
export function cloneKeeper(target: PostgresTarget): LeaseKeeper {
  const root = path.resolve(target.request.machine.scratch);
  // Only a folder of that name, whatever the facts say.
  const folderOf = (name: string, facts: unknown) => {
    const noted = isJsonObject(facts) && typeof facts.folder === "string" ? facts.folder : path.join(root, name);
    return path.basename(noted) === name && name.startsWith("clone-") ? noted : path.join(root, path.basename(name));
  };
  return {
    find: ({ name, facts }) => {
      const folder = folderOf(name, facts);
      return Promise.resolve(existsSync(folder) || fetchedBeside(folder).length > 0 ? "present" : "absent");
    },
    release: async ({ name, facts }) => {
      const folder = folderOf(name, facts);
      for (const place of fetchedBeside(folder)) rmSync(place, { recursive: true, force: true });
      await removeServer(folder);
    },
  };
}

/** Folders that a kill left, with files of the log that a program had fetched. */
function fetchedBeside(folder: string): readonly string[] {
  const root = path.dirname(folder);
  const names = existsSync(root) ? readdirSync(root) : [];
  const mark = `${path.basename(folder)}${fetchMark}`;
  return names.filter((name) => name.startsWith(mark)).map((name) => path.join(root, name));
}
