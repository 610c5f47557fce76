import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { RunState } from "../src/core/run-state.ts";
import type { Backup } from "../src/engines/engine.ts";
import type { Session } from "../src/runner/session.ts";
import { postgresTarget, testAssembly } from "../test/support/assembly.ts";
import type { TestServer } from "../test/support/postgres.ts";
import { timed } from "./timing.ts";

export interface WholeRun {
  readonly totalMs: number;
  readonly pinnedMs: number;
  readonly readableMs: number;
  readonly state: RunState;
}

/** The whole runbook through the real workbench, with its journal, by the path named. */
export async function withHoldfast(server: TestServer, way: string, backup?: Backup): Promise<WholeRun> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-bench-"));
  const assembly = testAssembly({
    reachable: { ...postgresTarget(server.url("shop"), "sandbox"), ...(backup === undefined ? {} : { backup }) },
    batchRows: 10_000,
    scratch: server.scratch,
    folder,
  });
  try {
    const wishes = { choices: { statement: "largest", path: way }, keepRescue: false };
    const { ms, result } = await timed(async () => {
      const plan = await assembly.workbench.plan({
        runbook: "restore-after-bad-delete",
        target: "shop",
        inputs: { table: "public.t" },
      });
      const session = assembly.workbench.open(plan, { purpose: "live", wishes, interactive: false, yesSandbox: true });
      const times = timesOf(session);
      return { ...(await session.ended), ...times() };
    });
    if (result.exit !== "ok") throw new Error(`the run ended with ${result.exit}: ${result.fault?.message}`);
    const { pinnedMs, readableMs, state } = result;
    return { totalMs: ms, pinnedMs, readableMs, state };
  } finally {
    await assembly.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** By this process's clock: when each of these events was heard for the first time. */
function timesOf(session: Session): () => { readonly pinnedMs: number; readonly readableMs: number } {
  const heard = new Map<string, number>();
  session.events(({ event }) => {
    const lease = event.kind === "lease.intended" ? event.lease.kind : "";
    const name = [event.kind, "step" in event ? event.step : "", lease].join(" ");
    if (!heard.has(name)) heard.set(name, performance.now());
  });
  const between = (from: string, to: string) => (heard.get(to) ?? Number.NaN) - (heard.get(from) ?? Number.NaN);
  return () => ({
    pinnedMs: between("lease.intended  row-pin", "lease.taken  "),
    readableMs: between("step.intended rescue ", "lease.intended  rescue-area"),
  });
}
