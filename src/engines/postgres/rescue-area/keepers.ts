import { isJsonObject } from "../../../core/json.ts";
import type { Lease, LeaseKeeper } from "../../../core/lease.ts";
import type { PostgresTarget } from "../target.ts";
import { areaName } from "./area.ts";
import { removeRescueFolder, rescueFolder, rescueFolderThere } from "./file.ts";
import { areaOwner } from "./make.ts";

/** `rescue-area`: the schema, if its comment names the run, and the files; it is there while either is. `rescue-file`: the files alone. */
export function areaKeepers(target: PostgresTarget): Readonly<Record<string, LeaseKeeper>> {
  const folderOf = (lease: Lease) =>
    noted(lease, "folder") ?? rescueFolder(target.request.machine.scratch, runOf(lease));
  const runOf = (lease: Lease) => noted(lease, "run") ?? target.request.session.run;
  const files: LeaseKeeper = {
    find: async (lease) => (rescueFolderThere(folderOf(lease)) ? "present" : "absent"),
    release: async (lease) => removeRescueFolder(folderOf(lease)),
  };
  return {
    "rescue-file": files,
    "rescue-area": {
      find: async (lease) => {
        const owner = await areaOwner(await target.catalogue(), runOf(lease));
        return owner === "ours" ? "present" : files.find(lease);
      },
      release: async (lease) => {
        await dropArea(target, runOf(lease));
        target.request.reached("lease.half:rescue-area");
        await files.release(lease);
      },
    },
  };
}

async function dropArea(target: PostgresTarget, run: string): Promise<void> {
  const connection = await target.open("writing", { lock_timeout: `${target.request.limits.lockTimeoutMs}ms` });
  try {
    const owner = await areaOwner(connection, run);
    if (owner === "ours") await connection.run("dropping the rescue area", `drop schema ${areaName(run)} cascade`);
  } finally {
    await connection.close();
  }
}

function noted(lease: Lease, name: string): string | null {
  const value = isJsonObject(lease.facts) ? lease.facts[name] : null;
  return typeof value === "string" ? value : null;
}
