import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { assemble, type Reachable, type Seams } from "../../src/compose.ts";
import type { Environment } from "../../src/core/effect.ts";
import { Secret } from "../../src/core/secret.ts";
import { engines } from "../../src/engines/index.ts";
import { memory } from "../../src/engines/memory/memory.ts";
import type { MemoryServer } from "../../src/engines/memory/server.ts";
import type { Workbench } from "../../src/runner/workbench.ts";
import { limitsWith } from "./limits.ts";

export interface TestAssembly {
  readonly workbench: Workbench;
  readonly folder: string;
  end(): Promise<void>;
}

/** The real parts, joined as the product joins them, over one target named `shop`. */
export function testAssembly(options: {
  readonly reachable: Reachable;
  readonly seams?: Seams;
  readonly folder?: string;
  readonly batchRows?: number;
  readonly mergeSessions?: number;
  readonly operator?: string;
  readonly scratch?: string;
  /** By major version, where a scratch server of it is to be found. */
  readonly serverBinaries?: Readonly<Record<string, string>>;
}): TestAssembly {
  const folder = options.folder ?? mkdtempSync(path.join(os.tmpdir(), "hf-run-"));
  const workbench = assemble({
    targets: [options.reachable],
    journalFolder: path.join(folder, "journal"),
    scratch: options.scratch ?? path.join(folder, "scratch"),
    serverBinaries: options.serverBinaries ?? {},
    limits: limitsWith({
      batchRows: options.batchRows ?? 50,
      mergeSessions: options.mergeSessions ?? 2,
      lockTimeoutMs: 2000,
      minFreeDisk: 0.01,
    }),
    policy: { stopFile: path.join(folder, "STOP"), ticket: "none" },
    person: { operator: options.operator ?? "ops", host: "bastion" },
    version: "0.0.0-test",
    secrets: [],
    ...(options.seams === undefined ? {} : { seams: options.seams }),
  });
  const end = async () => {
    await workbench.close();
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  };
  return { workbench, folder, end };
}

export function memoryTarget(environment: Environment): Reachable {
  return {
    target: { name: "shop", engine: "memory", environment, database: "shop" },
    url: async () => new Secret("memory:"),
  };
}

export function postgresTarget(url: Secret, environment: Environment, database = "shop"): Reachable {
  return { target: { name: "shop", engine: "postgres", environment, database }, url: async () => url };
}

/** The memory engine on this very server; every other engine as it is. */
export function withMemory(server: MemoryServer): Seams {
  return { engines: [...engines.filter((factory) => factory.engine !== "memory"), memory(server)] };
}
