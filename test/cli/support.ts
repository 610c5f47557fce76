import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { actions } from "../../src/actions/index.ts";
import { runCommandLine } from "../../src/cli/command-line.ts";
import type { CliParts, Io } from "../../src/cli/parts.ts";
import { systemClock } from "../../src/core/clock.ts";
import { memoryServer } from "../../src/engines/memory/server.ts";
import { openJournal } from "../../src/journal/open.ts";
import { memoryTarget, testAssembly, withMemory } from "../support/assembly.ts";
import { badDelete } from "../support/memory-bench.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Shell {
  readonly folder: string;
  readonly journal: string;
  run(...args: readonly string[]): Promise<Ran>;
}

/** The command line over the real parts and a damaged server in memory, in a folder of its own. */
export function shell(options: {
  readonly environment: "production" | "sandbox";
  readonly env?: NodeJS.ProcessEnv;
  readonly parts?: Partial<CliParts>;
}): Shell {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
  const server = memoryServer();
  badDelete(server, { rows: 40, taken: 10 });
  const parts: CliParts = {
    version: "9.9.9",
    workbench: async () =>
      testAssembly({ reachable: memoryTarget(options.environment), seams: withMemory(server), folder }).workbench,
    journal: async (at, clock) => openJournal({ folder: at, clock }),
    actions: async () => actions,
    demo: () => Promise.reject(new Error("no demo here")),
    drill: () => Promise.reject(new Error("no drill here")),
    ...options.parts,
  };
  const journal = join(folder, "journal");
  return {
    folder,
    journal,
    run: async (...args) => {
      const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
      const io = {
        stdin,
        stdout,
        stderr,
        env: { HOME: folder, ...options.env },
        cwd: folder,
        clock: systemClock,
        script: "/opt/holdfast/dist/main.js",
        exit: () => undefined,
      } as unknown as Io;
      const code = await runCommandLine(args, parts, io);
      return { code, out: text(stdout), err: text(stderr) };
    },
  };
}

function text(stream: PassThrough): string {
  return String(stream.read() ?? "");
}
