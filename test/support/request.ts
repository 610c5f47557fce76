import path from "node:path";
import { systemClock } from "../../src/core/clock.ts";
import { newRunId } from "../../src/core/ids.ts";
import type { ConnectRequest } from "../../src/engines/engine.ts";
import { limitsWith } from "./limits.ts";
import type { TestServer } from "./postgres.ts";

/** How a run of its own reaches a database on a test's server; its scratch servers are of the same programs. */
export function requestTo(server: TestServer, database: string, changes: Partial<ConnectRequest> = {}): ConnectRequest {
  const { major, bin } = server.binaries;
  return {
    target: { name: "shop", engine: "postgres", environment: "sandbox", database },
    url: server.url(database),
    session: { run: newRunId(Date.now()), person: "ops@bastion" },
    machine: { scratch: path.join(server.scratch, "scratch"), serverBinaries: { [String(major)]: bin } },
    limits: limitsWith({ lockTimeoutMs: 200 }),
    clock: systemClock,
    reached: () => undefined,
    ...changes,
  };
}
