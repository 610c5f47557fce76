import { dirname } from "node:path";
import type { ExitName } from "../core/exit-codes.ts";
import type { RunId } from "../core/ids.ts";
import type { Plan } from "../core/plan.ts";
import type { Incident, IncidentKind, Rehearsal, Rehearsals } from "../engines/rehearse.ts";
import type { RunSummary } from "../journal/journal.ts";
import type { Session, Unsubscribe } from "../runner/session.ts";
import type { Workbench } from "../runner/workbench.ts";
import { operate } from "./demo/scripted-operator.ts";
import { goingOnLines, incidentLines, proofLines, seededLines, storyNote, whereItStands } from "./demo/words.ts";

/** What the demo is made of; the composition brings it. */
export interface DemoParts {
  readonly rehearsals: Rehearsals;
  /** Over the demo's own journal, with one target that is the rehearsed server and calls itself production. */
  workbenchFor(rehearsal: Rehearsal, target: string): Promise<Workbench>;
  /** Opens the screens on a plan, or on the run that was left; settles when the operator leaves them. */
  openScreens(workbench: Workbench, at: { readonly plan: Plan } | { readonly resume: RunId }): Promise<ExitName>;
  /** Prints the session's events as plain lines until it is told to stop. */
  show(session: Session): Unsubscribe;
  say(line: string): void;
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
const target = "shop";

/** Rehearses an incident and recovers from it. `ok` only when every row is proved to be what it was. */
export async function runDemo(parts: DemoParts, wishes: DemoWishes): Promise<ExitName> {
  const stage = await setStage(parts, wishes);
  try {
    const exit = wishes.auto ? await recoverByItself(parts, stage) : await recoverOnScreens(parts, stage);
    return exit === "ok" && openRun(stage.workbench) === null ? await prove(parts, stage.rehearsal) : exit;
  } finally {
    await clearStage(parts, stage);
  }
}

/** The server, damaged, and the workbench over it. `left` is the run that an earlier demo did not finish. */
interface Stage {
  readonly rehearsal: Rehearsal;
  readonly workbench: Workbench;
  readonly left: RunId | null;
}

async function setStage(parts: DemoParts, wishes: DemoWishes): Promise<Stage> {
  const found = parts.rehearsals.left() === "incident" ? await goOn(parts) : null;
  if (found?.left && !wishes.fresh) {
    for (const line of goingOnLines(found.rehearsal.kind, wishes.incident)) parts.say(line);
    tell(parts, incidentLines(await found.rehearsal.story(), "left"));
    return found;
  }
  if (found) await strike(found);
  return begin(parts, { rows: wishes.rows, incident: wishes.incident ?? "delete" });
}

async function goOn(parts: DemoParts): Promise<Stage> {
  const rehearsal = await parts.rehearsals.goOn();
  return withWorkbench(parts, rehearsal, openRun);
}

/** The run's leases are given back while its server is still there. */
async function strike({ rehearsal, workbench, left }: Stage): Promise<void> {
  try {
    if (left !== null) {
      const session = workbench.resume(left, person);
      session.abandon("a fresh demo was asked for");
      await session.ended;
    }
  } finally {
    await workbench.close();
    await rehearsal.end("remove");
  }
}

async function begin(parts: DemoParts, what: Parameters<Rehearsals["begin"]>[0]): Promise<Stage> {
  parts.say("Starting a private PostgreSQL and filling a shop: some seconds.");
  const rehearsal = await parts.rehearsals.begin(what);
  try {
    const seeded = await rehearsal.seed({ progress: () => undefined, output: (text) => parts.say(`  ${text}`) });
    for (const line of seededLines(seeded)) parts.say(line);
    await rehearsal.traffic();
    tell(parts, incidentLines(await rehearsal.incident()));
  } catch (error) {
    await rehearsal.end("remove");
    throw error;
  }
  return withWorkbench(parts, rehearsal, () => null);
}

function tell(parts: DemoParts, story: readonly string[]): void {
  for (const line of [...story, whereItStands]) parts.say(line);
}

async function withWorkbench(
  parts: DemoParts,
  rehearsal: Rehearsal,
  leftIn: (workbench: Workbench) => RunId | null,
): Promise<Stage> {
  try {
    const workbench = noting(heeding(await parts.workbenchFor(rehearsal, target), rehearsal), await rehearsal.story());
    return { rehearsal, workbench, left: leftIn(workbench) };
  } catch (error) {
    await rehearsal.end("keep");
    throw error;
  }
}

/** The newest run of the demo that is not closed. */
function openRun(workbench: Workbench): RunId | null {
  const isOpen = (run: RunSummary) => run.purpose === "demo" && (run.status === "open" || run.status === "paused");
  return workbench.runs().find(isOpen)?.run ?? null;
}

/** Once the evidence is held, the report that kept the rows by accident may end: the hold has to stand alone. */
function heeding(workbench: Workbench, rehearsal: Rehearsal): Workbench {
  const heed = (session: Session) => {
    const freeze = session.state.plan.steps.find((step) => step.effect === "hold")?.key;
    session.events(({ event }) => {
      if (event.kind === "step.ended" && event.step === freeze && event.outcome === "done") void rehearsal.frozen();
    });
    return session;
  };
  return {
    ...workbench,
    open: (plan, options) => heed(workbench.open(plan, { ...options, purpose: "demo" })),
    resume: (run, options) => heed(workbench.resume(run, options)),
  };
}

/** What was said before the screens opened can be read again in the run: among its notes. */
function noting(workbench: Workbench, incident: Incident): Workbench {
  return {
    ...workbench,
    open: (plan, options) => {
      const session = workbench.open(plan, options);
      session.note(storyNote(incident));
      return session;
    },
  };
}

const wishes = { choices: {}, keepRescue: false };
const person = { wishes, interactive: true, yesSandbox: false } as const;

function planFor({ workbench, rehearsal }: Stage): Promise<Plan> {
  return workbench.plan({ runbook, target, inputs: { table: rehearsal.table } });
}

async function recoverByItself(parts: DemoParts, stage: Stage): Promise<ExitName> {
  const { workbench, left } = stage;
  const session =
    left === null
      ? workbench.open(await planFor(stage), { ...person, purpose: "demo" })
      : workbench.resume(left, person);
  const hush = parts.show(session);
  const leave = operate(session);
  const { exit } = await session.ended;
  leave();
  hush();
  return exit;
}

async function recoverOnScreens(parts: DemoParts, stage: Stage): Promise<ExitName> {
  const at = stage.left === null ? { plan: await planFor(stage) } : { resume: stage.left };
  return parts.openScreens(stage.workbench, at);
}

async function prove(parts: DemoParts, rehearsal: Rehearsal): Promise<ExitName> {
  const proof = await rehearsal.compare();
  for (const line of proofLines(proof, rehearsal.kind)) parts.say(line);
  return proof.equal ? "ok" : "not-proved";
}

/** The journal stays; the server's folder only while the run can be gone on with. */
async function clearStage(parts: DemoParts, { rehearsal, workbench }: Stage): Promise<void> {
  const open = openRun(workbench) !== null;
  await workbench.close();
  await rehearsal.end(open ? "keep" : "remove");
  parts.say("The demo's server has ended. Its journal stays; see it with:");
  parts.say(`  ${parts.listCommand(dirname(workbench.journalFile))}`);
  if (!open) return;
  parts.say("The run is not finished, and its server's folder is kept.");
  parts.say(`Go on with: ${parts.again}`);
}
