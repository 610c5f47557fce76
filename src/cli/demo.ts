import { dirname } from "node:path";
import type { ExitName } from "../core/exit-codes.ts";
import type { RunId } from "../core/ids.ts";
import type { Plan } from "../core/plan.ts";
import type { IncidentKind } from "../engines/rehearse.ts";
import type { Session, Unsubscribe } from "../runner/session.ts";
import type { Workbench } from "../runner/workbench.ts";
import { operate } from "./rehearsal/scripted-operator.ts";
import { isUnfinished, sessionOn, setStage, type Stage, type StageParts } from "./rehearsal/stage.ts";
import { isProved, proofLines } from "./rehearsal/words.ts";

/** What the demo is made of; the composition brings it. Its journal is its own. */
export interface DemoParts extends StageParts {
  /** Opens the screens on a plan, or on the run that was left; settles when the operator leaves them. */
  openScreens(workbench: Workbench, at: { readonly plan: Plan } | { readonly resume: RunId }): Promise<ExitName>;
  /** Prints the session's events as plain lines until it is told to stop. */
  show(session: Session): Unsubscribe;
  /** How this demo is run again, as it can be pasted: `npm run demo`. */
  readonly again: string;
  /** The command that lists the runs of the journal in a folder, as it can be pasted. */
  listCommand(folder: string): string;
}

export interface DemoWishes {
  /** Answers every question by itself, on plain lines. */
  readonly auto: boolean;
  readonly rows: number;
  /** Null: whatever is left, else the bad DELETE. */
  readonly incident: IncidentKind | null;
  /** Gives up the run that an earlier demo left, and begins a new one. */
  readonly fresh: boolean;
}

const runbook = "restore-after-bad-delete";

/** Rehearses an incident and recovers from it. `ok` only when every row is proved to be what it was. */
export async function runDemo(parts: DemoParts, wishes: DemoWishes): Promise<ExitName> {
  const stage = await setStage(parts, { ...wishes, purpose: "demo", target: "shop" });
  try {
    const at = stage.left === null ? { plan: await stage.plan(runbook) } : { resume: stage.left };
    const exit = wishes.auto ? await recoverByItself(parts, stage, at) : await parts.openScreens(stage.workbench, at);
    return exit === "ok" && !isUnfinished(stage) ? await prove(parts, stage) : exit;
  } finally {
    await clearStage(parts, stage);
  }
}

async function recoverByItself(
  parts: DemoParts,
  stage: Stage,
  at: { readonly plan: Plan } | { readonly resume: RunId },
): Promise<ExitName> {
  const session = sessionOn(stage.workbench, at);
  const hush = parts.show(session);
  const leave = operate(session, stage.rehearsal.kind);
  const { exit } = await session.ended;
  leave();
  hush();
  return exit;
}

async function prove(parts: DemoParts, { rehearsal, session }: Stage): Promise<ExitName> {
  const proof = await rehearsal.compare();
  const state = session()?.state;
  const proved = state === undefined ? proof.equal : isProved(proof, state);
  for (const line of proofLines(proof, rehearsal.kind, proved)) parts.say(line);
  return proved ? "ok" : "not-proved";
}

/** The journal stays; the server's folder only while the run can be gone on with. */
async function clearStage(parts: DemoParts, stage: Stage): Promise<void> {
  const { rehearsal, workbench } = stage;
  const open = isUnfinished(stage);
  await workbench.close();
  await rehearsal.end(open ? "keep" : "remove");
  parts.say("The demo's server has ended. Its journal stays; see it with:");
  parts.say(`  ${parts.listCommand(dirname(workbench.journalFile))}`);
  if (!open) return;
  parts.say("The run is not finished, and its server's folder is kept.");
  parts.say(`Go on with: ${parts.again}`);
}
