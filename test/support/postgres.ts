import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
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
import { root } from "./source.ts";

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

/** The version that tests run on unless they ask for one: the newest, or what HOLDFAST_POSTGRES says. */
export const usualMajor = Number(process.env.HOLDFAST_POSTGRES ?? 18);

/** Where the server programs of 14 to 17 lie, by major version: the npm aliases of test/servers. As `scratch.servers` in the config. */
export function testBinaries(): Readonly<Record<string, string>> {
  const bins = [14, 15, 16, 17].map(
    (major) => [String(major), path.join(root, `node_modules/postgres-${major}/native/bin`)] as const,
  );
  return Object.fromEntries(bins.filter(([, bin]) => existsSync(bin)));
}

/** A PostgreSQL of this major version in a folder of its own below the system's temporary folder. `bin`: by other programs than npm's. Call `end` when done. */
export async function startTestServer(
  options: { major?: number; settings?: Record<string, string>; initdb?: string[]; port?: number; bin?: string } = {},
): Promise<TestServer> {
  const scratch = makeScratchRoot(mkdtempSync(path.join(os.tmpdir(), "hf-")));
  // mkdtemp makes 0700: a server under another account could not come in.
  chmodSync(scratch, 0o711);
  const programs = makeScratchRoot(path.join(os.tmpdir(), `hf-programs-${process.getuid?.() ?? 0}`));
  const major = options.major ?? usualMajor;
  const known = options.bin === undefined ? testBinaries() : { [String(major)]: options.bin };
  const binaries = reachableBinaries(await findServerBinaries(major, known), programs);
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
