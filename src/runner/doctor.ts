import { utc } from "../core/clock.ts";
import { Fault } from "../core/errors.ts";
import type { ReadyServer, ReadyTarget } from "../core/readiness.ts";
import type { PlannedTarget } from "../core/target.ts";
import type { Engine, Watch } from "../engines/engine.ts";
import type { WorkbenchParts } from "./open-workbench.ts";
import type { DoctorQuery } from "./workbench.ts";

/** Of the largest tables so many, where none is named. */
const mostTables = 10;

/** What could be brought back on one target now. What stands in the way of the answer is part of it. */
export async function askDoctor(
  { clock, tablesOf }: WorkbenchParts,
  target: PlannedTarget,
  engine: () => Promise<Engine>,
  { tables, signal, tell }: DoctorQuery,
): Promise<ReadyTarget> {
  const said = { target: target.name, engine: target.engine, environment: target.environment, at: utc(clock.now()) };
  const named = tables.length > 0 ? tables : (tablesOf?.(target.name) ?? []);
  try {
    const { readiness } = (await engine()).capabilities;
    if (!readiness) throw noDoctor(target.name);
    const found = await readiness.look({ tables: named, most: mostTables }, watchOf(signal, tell));
    return { ...said, ready: isReady(found), found, fault: null };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { code, message, exit, hint = null } = error.record;
    return { ...said, ready: false, found: null, fault: { code, message, exit, hint } };
  }
}

/** A database without tables has nothing that could be lost. */
function isReady({ tables }: ReadyServer): boolean {
  return tables.every(({ open }) => open);
}

function watchOf(signal: AbortSignal, tell: DoctorQuery["tell"]): Watch {
  return { progress: ({ note }) => tell(note ?? ""), output: () => undefined, pausing: signal, signal };
}

function noDoctor(name: string): Fault {
  return new Fault("HF-CAPABILITY-MISSING", `nobody can tell of the target ${name} what could be brought back`, {
    exit: "input",
    hint: "Its engine offers no readiness.",
  });
}
