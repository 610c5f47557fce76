import type { ExitName } from "../core/exit-codes.ts";
import type { RunId } from "../core/ids.ts";
import type { Plan } from "../core/plan.ts";
import { isClosed } from "../core/run-state.ts";
import type { IncidentKind } from "../engines/rehearse.ts";
import type { Session } from "../runner/session.ts";
import type { Workbench } from "../runner/workbench.ts";
import { type DrillReport, drillReport } from "./rehearsal/report.ts";
import { reportNote } from "./rehearsal/report-words.ts";
import { isUnfinished, setStage, type Stage, type StageParts } from "./rehearsal/stage.ts";

/** What a drill is made of; the composition brings it. Its runs are in the journal of the user, as drills. */
export interface DrillParts extends StageParts {
  /** Lets the run be driven, by a person or by a script, until this process lets go of it. */
  drive(
    workbench: Workbench,
    at: { readonly plan: Plan } | { readonly resume: RunId },
    kind: IncidentKind,
  ): Promise<ExitName>;
  tellReport(report: DrillReport): void;
  /** How this drill is gone on with, as it can be pasted. */
  readonly again: string;
  /** The command that shows a run of the journal, as it can be pasted. */
  showCommand(run: RunId): string;
}

export interface DrillWishes {
  readonly runbook: string;
  readonly rows: number;
  /** Null: whatever is left, else the bad DELETE. */
  readonly incident: IncidentKind | null;
  /** Gives up the drill that was left, and begins a new one. */
  readonly fresh: boolean;
  /** The server's folder stays until the next drill. */
  readonly keep: boolean;
}

/** What a drill's target is called in the journal. */
export const drillTarget = "drill";

/**
 * Rehearses a runbook on an incident of its own, with traffic all the while, and reports. `ok` only when the run is done and every row of
 * every table is proved to be what it has to be.
 */
export async function runDrill(parts: DrillParts, wishes: DrillWishes): Promise<ExitName> {
  const stage = await setStage(parts, { ...wishes, purpose: "drill", target: drillTarget });
  try {
    const at = stage.left === null ? { plan: await stage.plan(wishes.runbook) } : { resume: stage.left };
    const exit = await parts.drive(stage.workbench, at, stage.rehearsal.kind);
    const session = stage.session();
    if (session === null || !isClosed(session.state)) return exit;
    const report = await reportOn(stage, session);
    parts.tellReport(report);
    return report.verdict === "proved" || exit !== "ok" ? exit : "not-proved";
  } finally {
    await clearStage(parts, stage, wishes);
  }
}

/** Journaled before it is said: who looks later finds what was seen. Customers are there until the proof is made. */
async function reportOn(stage: Stage, session: Session): Promise<DrillReport> {
  const { rehearsal, workbench } = stage;
  const truth = await rehearsal.compare();
  const traffic = await (await stage.traffic())?.stop();
  const report = drillReport(session.state, await rehearsal.story(), truth, traffic ?? null);
  workbench.note(session.run, reportNote(report));
  return report;
}

/** The server's folder stays only while the run can be gone on with, or where that was asked for. */
async function clearStage(parts: DrillParts, stage: Stage, { keep }: DrillWishes): Promise<void> {
  const { rehearsal, workbench } = stage;
  const open = isUnfinished(stage);
  const run = stage.session()?.run ?? stage.left;
  await workbench.close();
  await rehearsal.end(open || keep ? "keep" : "remove");
  parts.say(`The drill's server has ended${open || keep ? "" : ", and nothing of it is left"}.`);
  if (keep && !open) parts.say(`Its folder is kept until the next drill: ${rehearsal.folder}`);
  const command = (words: string, line: string) => [words, `  ${line}`].forEach((one) => parts.say(one));
  if (run !== null) command("The drill is in your journal; see it with:", parts.showCommand(run));
  if (open) command("The run is not finished, and its server's folder is kept. Go on with:", parts.again);
}
