import { Fault } from "../../core/errors.ts";
import type { TargetIdentity } from "../../core/target.ts";
import { capabilityNames, type ConnectRequest, type Engine, type EngineFactory } from "../engine.ts";
import type { Recovered } from "../evidence.ts";
import { headStarts } from "../head-starts.ts";
import { type Connection, connectTo } from "./connection.ts";
import { memoryEvidence } from "./evidence.ts";
import { memoryInspect } from "./inspect.ts";
import { areaKeeper, cloneKeeper, holdKeeper } from "./leases.ts";
import { assertLocked, memoryLock } from "./lock.ts";
import { memoryMarker } from "./marker.ts";
import { memoryMerge } from "./merge.ts";
import { memoryReadiness } from "./readiness.ts";
import { memoryRescueArea } from "./rescue-area.ts";
import { type MemoryServer, memoryServer } from "./server.ts";
import { transactions } from "./transaction.ts";

/** Connects to the given server; without one the connection's URL names the file that a server lives in: `memory:///path/to/file.json`. */
export function memory(server?: MemoryServer): EngineFactory {
  return {
    engine: "memory",
    offers: capabilityNames,
    keeps: ["transactional", "cursor", "idempotent", "probe", "manual"],
    connect: async (request) => engineOn(connectTo(server ?? serverIn(request), request)),
  };
}

function engineOn(connection: Connection): Engine {
  const opened = transactions(connection, () => assertLocked(connection));
  const holds = holdKeeper(connection);
  const ahead = headStarts<Recovered>();
  return {
    capabilities: {
      inspect: memoryInspect(connection),
      lock: memoryLock(connection),
      marker: memoryMarker(connection, opened),
      evidence: memoryEvidence(connection, ahead),
      rescueArea: memoryRescueArea(connection, opened),
      merge: memoryMerge(connection, opened),
      readiness: memoryReadiness(connection),
    },
    identity: async () => identityOf(connection),
    keepers: {
      "row-pin": holds,
      "vacuum-off": holds,
      "table-lock": holds,
      "scratch-server": holds,
      clone: cloneKeeper(holds, ahead),
      "rescue-area": areaKeeper(connection),
    },
    close: () => ahead.stop().then(() => connection.close()),
  };
}

function identityOf({ server, assertAlive }: Connection): TargetIdentity {
  assertAlive();
  const { id, database } = server.read((state) => state);
  return {
    facts: [
      { name: "server", value: id, kind: "self", weight: 10 },
      { name: "database", value: database, kind: "self", weight: 5 },
      { name: "place", value: server.place, kind: "place", weight: 3 },
    ],
    words: `memory server ${id}`,
    database,
  };
}

function serverIn({ url, target }: ConnectRequest): MemoryServer {
  const { protocol, pathname } = new URL(url.reveal());
  if (protocol === "memory:" && pathname.length > 1) {
    return memoryServer({ file: decodeURIComponent(pathname), database: target.database });
  }
  throw new Fault("HF-MEMORY-URL", "The connection of a memory target names no file.", {
    exit: "input",
    hint: "Write it as memory:///path/to/file.json",
  });
}
