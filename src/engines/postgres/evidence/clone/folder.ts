import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import type { RunId } from "../../../../core/ids.ts";
import type { LeaseKeeper } from "../../../../core/lease.ts";
import type { HoldPart } from "../../../engine.ts";
import { folderOfLease, folderOfRun, folderPart } from "../../server/folder-lease.ts";
import { removeServer } from "../../server/private-server.ts";
import type { PostgresTarget } from "../../target.ts";
import { fetchedBeside, fetchedWords } from "../log/source.ts";

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
  return folderOfRun(target, prefix, run);
}

const prefix = "clone-";

export function clonePlaces(folder: string): ClonePlaces {
  const below = (name: string) => path.join(folder, name);
  return { folder, log: below("wal"), spaces: below("spaces"), rows: below("rows") };
}

/** The clone's folder on this machine. */
export function clonePart(target: PostgresTarget, run: RunId): HoldPart {
  const folder = cloneFolder(target, run);
  return folderPart(target, folder, {
    kind: "clone",
    words: `A point-in-time clone in ${folder}: it listens on no address, archives nothing, and is never promoted.`,
    costs: "Disk space for the whole base backup and the WAL since then, and for the rows.",
    byHand: `rm -r ${folder} ${fetchedWords(folder)}`,
  });
}

/** Found by its folder; given back by ending its server, then removing the folder. */
export function cloneKeeper(target: PostgresTarget): LeaseKeeper {
  return {
    find: (lease) => {
      const folder = folderOfLease(target, prefix, lease);
      return Promise.resolve(existsSync(folder) || fetchedBeside(folder).length > 0 ? "present" : "absent");
    },
    release: async (lease) => {
      const folder = folderOfLease(target, prefix, lease);
      for (const place of fetchedBeside(folder)) rmSync(place, { recursive: true, force: true });
      await removeServer(folder);
    },
  };
}
