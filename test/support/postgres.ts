import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { reachableBinaries } from "../../src/engines/postgres/server/account.ts";
import { findServerBinaries, type ServerBinaries } from "../../src/engines/postgres/server/binaries.ts";
import {
  initCluster,
  type PrivateServer,
  removeServer,
  startServer,
} from "../../src/engines/postgres/server/private-server.ts";
import { makeScratchRoot } from "../../src/engines/postgres/server/scratch-root.ts";

export interface TestServer extends PrivateServer {
  readonly scratch: string;
  readonly binaries: ServerBinaries;
  /** Stops the server (a crash when `immediate`) and starts it again on the same folder. */
  restart(how?: "fast" | "immediate"): Promise<TestServer>;
  end(): Promise<void>;
}

/** Settings near those of a production server; tests that need others pass them. */
const likeProduction = {
  wal_level: "replica",
  max_replication_slots: "10",
  max_wal_senders: "10",
  shared_buffers: "64MB",
  autovacuum: "on",
};

/** A PostgreSQL of this major version in a folder of its own below the system's temporary folder. Call `end` when done. */
export async function startTestServer(
  options: { major?: number; settings?: Record<string, string>; initdb?: string[]; port?: number } = {},
): Promise<TestServer> {
  const scratch = makeScratchRoot(mkdtempSync(path.join(os.tmpdir(), "hf-")));
  // mkdtemp makes 0700: a server under another account could not come in.
  const { chmodSync } = await import("node:fs");
  chmodSync(scratch, 0o711);
  const programs = makeScratchRoot(path.join(os.tmpdir(), `hf-programs-${process.getuid?.() ?? 0}`));
  const binaries = reachableBinaries(await findServerBinaries(options.major ?? 18, {}), programs);
  const folder = path.join(scratch, "t");
  await initCluster(binaries, folder, options.initdb ?? ["-E", "UTF8", "--locale=C.UTF-8"]);
  const settings = { ...likeProduction, ...options.settings };
  const start = async (): Promise<TestServer> => {
    const request = { binaries, folder, settings, ...(options.port === undefined ? {} : { port: options.port }) };
    const server = await startServer(request);
    return {
      ...server,
      scratch,
      binaries,
      restart: async (how = "fast") => {
        await server.stop(how);
        return start();
      },
      end: async () => {
        await server.stop("immediate");
        await removeServer(folder);
        rmSync(scratch, { recursive: true, force: true });
      },
    };
  };
  return start();
}
