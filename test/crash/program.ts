/**
 * The command line itself, put together as main.ts puts it together, with two things put in: a boundary that kills or stops the process at a
 * chosen point, and, for mutants, one part that is broken on purpose. The request is JSON in the first argument; what follows it are the
 * arguments of the program.
 */
import { appendFileSync } from "node:fs";
import { cliParts, processIo } from "../../src/cli-parts.ts";
import { runCommandLine } from "../../src/cli/command-line.ts";
import type { Seams } from "../../src/compose.ts";
import { memory } from "../../src/engines/memory/memory.ts";
import { memoryServer } from "../../src/engines/memory/server.ts";
import { engines } from "../../src/engines/index.ts";
import type { Point } from "./fault.ts";
import { type Mutant, mutated } from "./mutants.ts";

export interface ProgramRequest {
  readonly at?: Point & { readonly signal: "SIGKILL" | "SIGSTOP" | "SIGHUP" };
  /** Every boundary's name is appended to this file. */
  readonly trace: string;
  readonly mutant?: Mutant;
  /** The file of a server in memory that answers in the place of PostgreSQL, whatever the target's URL says. */
  readonly memory?: string;
}

const [request, ...args] = process.argv.slice(2);
process.exitCode = await drive(JSON.parse(request ?? "{}") as ProgramRequest);

function drive({ at, trace, mutant, memory: file }: ProgramRequest): Promise<number> {
  const whole: Seams["engines"] =
    file === undefined ? engines : [{ ...memory(memoryServer({ file })), engine: "postgres" }];
  const seams: Seams = { reached: boundary(trace, at), engines: whole };
  return runCommandLine(args, cliParts("0.0.0-crash", mutated(seams, mutant)), processIo());
}

function boundary(trace: string, at: ProgramRequest["at"]): (name: string) => void {
  let passed = 0;
  return (name) => {
    appendFileSync(trace, `${name}\n`);
    if (at === undefined || (at.name !== name && at.name !== "*")) return;
    passed += 1;
    if (passed !== at.nth) return;
    process.kill(process.pid, at.signal);
    // A stopped process goes on from here when it is told to; nothing more of a killed one may happen.
    if (at.signal === "SIGKILL") for (;;);
  };
}
