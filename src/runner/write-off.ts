import { foldRun } from "../core/apply-event.ts";
import type { RunEvent } from "../core/event.ts";
import type { RunId } from "../core/ids.ts";
import { type LeaseState, openLeases } from "../core/run-state.ts";
import type { RunnerParts } from "./parts.ts";

/** Closes a run that nobody can go on with: see `Workbench.writeOff`. */
export function writeOff(
  { journal, clock }: Pick<RunnerParts, "journal" | "clock">,
  run: RunId,
  reason: string,
): readonly string[] {
  const taken = journal.take(run);
  try {
    const state = foldRun(journal.read(run));
    if (state.purpose !== "drill" && state.purpose !== "demo") throw new Error("only a rehearsal's run is written off");
    const open = openLeases(state);
    const given = open.map((lease): RunEvent => gone(lease, clock.now()));
    taken.append([...given, { kind: "run.closed", outcome: "abandoned", reason }]);
    return open.filter(isOnMachine).map(({ lease }) => lease.byHand);
  } finally {
    taken.release();
  }
}

/** What was on the server went with it; what lies on this machine may still be there, and then a person removes it. */
function gone(state: LeaseState, now: number): RunEvent {
  const { id } = state.lease;
  if (isOnMachine(state)) return { kind: "lease.kept", lease: id, until: now };
  return { kind: "lease.released", lease: id, how: "was-absent" };
}

function isOnMachine({ lease }: LeaseState): boolean {
  return lease.where === "machine";
}
