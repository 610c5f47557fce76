import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Clock } from "../../../core/clock.ts";
import { Fault } from "../../../core/errors.ts";
import type { Incident, IncidentKind, Rehearsals } from "../../rehearse.ts";
import { reachableBinaries } from "../server/account.ts";
import { findServerBinaries } from "../server/binaries.ts";
import { initCluster, livingPostmaster, removeServer, startServer } from "../server/private-server.ts";
import { makeScratchRoot } from "../server/scratch-root.ts";
import { archiveSettings, backupBeside, makeArchive } from "./archiving.ts";
import { hasBackup, rehearsalOn, storyFile } from "./rehearsal.ts";

export interface RehearsalsRequest {
  /** The folder below which servers of ours live. */
  readonly scratch: string;
  /** The place's own name below it: one rehearsal at a time. */
  readonly name: string;
  /** What is rehearsed there, in a word for messages: a demo unless told. */
  readonly what?: "demo" | "drill";
  readonly serverBinaries: Readonly<Record<string, string>>;
  readonly clock: Clock;
}

const major = 18;

export function postgresRehearsals(request: RehearsalsRequest): Rehearsals {
  const folder = path.join(path.resolve(request.scratch), request.name);
  const start = async (kind: IncidentKind) => {
    const archiving = hasBackup(kind) ? archiveSettings(backupBeside(folder).archive) : {};
    return startServer({ binaries: await binaries(request), folder, settings: { ...likeProduction, ...archiving } });
  };
  return {
    left: () => (kept(folder) === null ? "nothing" : "incident"),
    begin: async ({ rows, incident: kind }) => {
      await assertFree(folder, request);
      makeScratchRoot(request.scratch);
      await removeServer(folder);
      await initCluster(await binaries(request), folder, ["-E", "UTF8", "--locale=C.UTF-8", "--data-checksums"]);
      if (hasBackup(kind)) makeArchive(folder);
      return rehearsalOn(await start(kind), { kind, orders: rows, told: null }, request.clock);
    },
    goOn: async () => {
      const found = kept(folder);
      if (found === null) throw gone(folder, request);
      await assertFree(folder, request);
      const { orders, incident } = found;
      return rehearsalOn(await start(incident.kind), { kind: incident.kind, orders, told: incident }, request.clock);
    },
  };
}

async function binaries(request: RehearsalsRequest) {
  const scratch = makeScratchRoot(request.scratch);
  return reachableBinaries(await findServerBinaries(major, request.serverBinaries), scratch);
}

/** As a production server is set up, commit times included; small enough for any machine. */
const likeProduction = {
  wal_level: "replica",
  max_replication_slots: "10",
  max_wal_senders: "10",
  max_connections: "50",
  shared_buffers: "128MB",
  max_wal_size: "1GB",
  track_commit_timestamp: "on",
  autovacuum: "on",
  cluster_name: "db-prod-1",
};

interface Kept {
  readonly orders: number;
  readonly incident: Incident;
}

/** The file is written once the damage is done; without it there is nothing to go on with. */
function kept(folder: string): Kept | null {
  const file = path.join(folder, storyFile);
  if (!existsSync(path.join(folder, "data", "PG_VERSION")) || !existsSync(file)) return null;
  try {
    const found = JSON.parse(readFileSync(file, "utf8")) as Kept;
    // An earlier version knew this one incident.
    return { ...found, incident: { ...found.incident, kind: found.incident.kind ?? "delete" } };
  } catch {
    return null; // cut off while it was written
  }
}

/** The server of a process that was killed a moment ago is still going down. */
async function assertFree(folder: string, { clock, what }: RehearsalsRequest): Promise<void> {
  for (let tries = 0; livingPostmaster(folder) !== null; tries += 1) {
    if (tries >= 50) throw busy(what);
    await clock.sleep(100);
  }
}

function busy(what = "demo"): Fault {
  return new Fault("HF-REHEARSAL-BUSY", `another ${what} runs now, and there is one at a time`, {
    exit: "busy",
    still: "Nothing of it was touched.",
    hint: "End that one first.",
  });
}

function gone(folder: string, { what = "demo" }: RehearsalsRequest): Fault {
  return new Fault("HF-REHEARSAL-GONE", `there is no ${what} to go on with in ${folder}`, {
    exit: "input",
    still: "Its run stays in the journal.",
    hint: "Begin a fresh one.",
  });
}
