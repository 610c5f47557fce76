/**
 * The product with two things put in: a boundary that ends the process with SIGKILL at a chosen point, and, for mutants, one part that is
 * broken on purpose. Drives the open run of its journal, or opens one. Request as JSON in the only argument.
 */
import { appendFileSync } from "node:fs";
import path from "node:path";
import { assemble } from "../../src/compose.ts";
import { exitCodes } from "../../src/core/exit-codes.ts";
import { Secret } from "../../src/core/secret.ts";
import { type Mutant, mutated } from "./mutants.ts";

export interface ProgramRequest {
  readonly folder: string;
  readonly scratch: string;
  readonly engine: string;
  readonly url: string;
  readonly table: string;
  readonly batchRows: number;
  /** Killed at the nth time that a boundary of this name is reached. */
  readonly kill?: { readonly name: string; readonly nth: number };
  /** Every boundary's name is appended to this file. */
  readonly trace?: string;
  readonly mutant?: Mutant;
}

let passed = 0;
const request = JSON.parse(process.argv[2] ?? "{}") as ProgramRequest;
const { code } = exitCodes[await drive(request)];
process.exitCode = code;

async function drive({ folder, scratch, engine, url, table, batchRows, mutant }: ProgramRequest) {
  const workbench = assemble({
    targets: [
      { target: { name: "shop", engine, environment: "sandbox", database: "shop" }, url: async () => new Secret(url) },
    ],
    journalFolder: path.join(folder, "journal"),
    scratch,
    serverBinaries: {},
    limits: { batchRows, lockTimeoutMs: 2000, statementTimeoutMs: 60_000, heldWal: null, minFreeDisk: 0.001 },
    policy: { stopFile: path.join(folder, "STOP"), ticket: "none" },
    person: { operator: "crash", host: "harness" },
    version: "0.0.0-crash",
    secrets: [],
    seams: { reached, ...mutated(mutant) },
  });
  const wishes = { choices: { statement: "largest", path: "recommended", triggers: "skip" }, keepRescue: false };
  const options = { wishes, interactive: false, yesSandbox: true };
  const open = workbench.runs().find((run) => run.status === "open" || run.status === "paused");
  const session = open
    ? workbench.resume(open.run, options)
    : workbench.open(await workbench.plan({ runbook: "restore-after-bad-delete", target: "shop", inputs: { table } }), {
        ...options,
        purpose: "live",
      });
  const end = await session.ended;
  if (end.fault) process.stderr.write(`${end.fault.code}: ${end.fault.message} ${end.fault.cause ?? ""}\n`);
  await workbench.close();
  return end.exit;
}

function reached(name: string): void {
  if (request.trace !== undefined) appendFileSync(request.trace, `${name}\n`);
  if (request.kill?.name !== name) return;
  passed += 1;
  if (passed < request.kill.nth) return;
  process.kill(process.pid, "SIGKILL");
  for (;;); // nothing more of this process may happen
}
