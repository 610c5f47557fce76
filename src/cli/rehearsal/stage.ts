import type { RunId } from "../../core/ids.ts";
import type { Plan } from "../../core/plan.ts";
import { isClosed } from "../../core/run-state.ts";
import type { Incident, IncidentKind, Rehearsal, Rehearsals, Traffic } from "../../engines/rehearse.ts";
import type { RunSummary } from "../../journal/journal.ts";
import type { Session } from "../../runner/session.ts";
import type { Workbench } from "../../runner/workbench.ts";
import { goingOnLines, incidentLines, seededLines, storyNote, whereItStands } from "./words.ts";

/** What a demo and a drill are both made of; the composition brings it. */
export interface StageParts {
  readonly rehearsals: Rehearsals;
  /** With one target that is the rehearsed server and calls itself production. */
  workbenchFor(rehearsal: Rehearsal, target: string): Promise<Workbench>;
  say(line: string): void;
}

export interface StageWishes {
  readonly purpose: "demo" | "drill";
  readonly target: string;
  readonly rows: number;
  /** Null: whatever is left, else the bad DELETE. */
  readonly incident: IncidentKind | null;
  /** Gives up the run that was left, and begins a new one. */
  readonly fresh: boolean;
}

/** The server, damaged, and the workbench over it. */
export interface Stage {
  readonly rehearsal: Rehearsal;
  readonly workbench: Workbench;
  /** The run that an earlier process did not finish. */
  readonly left: RunId | null;
  /** The session that was opened or taken up last; null before that. */
  session(): Session | null;
  /** Null where none has begun: on a run that was left it waits until the evidence is held. Rejects where it could not begin. */
  traffic(): Promise<Traffic> | null;
  plan(runbook: string): Promise<Plan>;
}

/** A run was begun on the stage, and can be gone on with. */
export function isUnfinished(stage: Stage): boolean {
  const session = stage.session();
  return session === null ? stage.left !== null : !isClosed(session.state);
}

/** Goes on with what was left, or begins anew: server, data, traffic, incident. What fails half-way is removed. */
export async function setStage(parts: StageParts, wishes: StageWishes): Promise<Stage> {
  const found = parts.rehearsals.left() === "incident" ? await goOn(parts, wishes) : null;
  if (found?.left && !wishes.fresh) {
    for (const line of goingOnLines(found.rehearsal.kind, wishes)) parts.say(line);
    tell(parts, incidentLines(await found.rehearsal.story(), wishes.purpose));
    return found;
  }
  if (found) await strike(found, wishes);
  return begin(parts, wishes);
}

async function goOn(parts: StageParts, wishes: StageWishes): Promise<Stage> {
  const rehearsal = await parts.rehearsals.goOn();
  try {
    return await withWorkbench(parts, wishes, { rehearsal, traffic: null }, (bench) => leftRun(bench, wishes));
  } catch (error) {
    await rehearsal.end("keep");
    throw error;
  }
}

/** The run's leases are given back while its server is still there. */
async function strike({ rehearsal, workbench, left }: Stage, { purpose }: StageWishes): Promise<void> {
  try {
    if (left !== null) {
      const session = workbench.resume(left, byPerson);
      session.abandon(`a fresh ${purpose} was asked for`);
      await session.ended;
    }
  } finally {
    await workbench.close();
    await rehearsal.end("remove");
  }
}

async function begin(parts: StageParts, wishes: StageWishes): Promise<Stage> {
  parts.say("Starting a private PostgreSQL and filling a shop: some seconds.");
  const rehearsal = await parts.rehearsals.begin({ rows: wishes.rows, incident: wishes.incident ?? "delete" });
  try {
    const seeded = await rehearsal.seed({ progress: () => undefined, output: (text) => parts.say(`  ${text}`) });
    for (const line of seededLines(seeded)) parts.say(line);
    const traffic = await rehearsal.traffic();
    tell(parts, incidentLines(await rehearsal.incident()));
    return await withWorkbench(parts, wishes, { rehearsal, traffic }, () => null);
  } catch (error) {
    await rehearsal.end("remove");
    throw error;
  }
}

function tell(parts: StageParts, story: readonly string[]): void {
  for (const line of [...story, whereItStands]) parts.say(line);
}

async function withWorkbench(
  parts: StageParts,
  { purpose, target }: StageWishes,
  { rehearsal, traffic }: { readonly rehearsal: Rehearsal; readonly traffic: Traffic | null },
  leftIn: (workbench: Workbench) => RunId | null,
): Promise<Stage> {
  let going = traffic === null ? null : Promise.resolve(traffic);
  let session: Session | null = null;
  const held = () => {
    void rehearsal.frozen();
    going ??= rehearsal.traffic();
    going.catch(() => undefined); // told to whoever asks for it
  };
  const heed = (opened: Session) => {
    session = opened;
    whenHeld(opened, held);
    return opened;
  };
  const bench = await parts.workbenchFor(rehearsal, target);
  const workbench = rehearsing(bench, purpose, heed, await rehearsal.story());
  const plan = (runbook: string) => workbench.plan({ runbook, target, inputs: { table: rehearsal.table } });
  const left = leftIn(workbench);
  writeOffOthers(parts, workbench, { purpose, target }, left);
  return { rehearsal, workbench, left, session: () => session, traffic: () => going, plan };
}

/** The newest run of this purpose on this target that is not closed. */
function leftRun(workbench: Workbench, wishes: Pick<StageWishes, "purpose" | "target">): RunId | null {
  return openRuns(workbench, wishes)[0]?.run ?? null;
}

function openRuns(workbench: Workbench, { purpose, target }: Pick<StageWishes, "purpose" | "target">) {
  const isOpen = ({ status }: RunSummary) => status === "open" || status === "paused";
  return workbench.runs().filter((run) => run.purpose === purpose && run.target === target && isOpen(run));
}

/** There is one rehearsal at a time: whatever else is open was on a server that is there no more (its folder was removed). */
function writeOffOthers(
  parts: StageParts,
  workbench: Workbench,
  wishes: Pick<StageWishes, "purpose" | "target">,
  left: RunId | null,
): void {
  for (const { run, short, driven } of openRuns(workbench, wishes)) {
    if (run === left || driven) continue;
    const byHand = workbench.writeOff(run, "its server is gone: nothing is left to go on with");
    parts.say(`The ${wishes.purpose} ${short} is closed: its server is gone, and what it held there went with it.`);
    for (const line of byHand) parts.say(`  on this machine, if it is still there, by hand: ${line}`);
  }
}

/**
 * Runs are of the rehearsal's purpose, and nobody else's are shown: their servers are not to be had here. What was said before the
 * screens opened can be read again in the run, among its notes.
 */
function rehearsing(
  workbench: Workbench,
  purpose: StageWishes["purpose"],
  heed: (session: Session) => Session,
  incident: Incident,
): Workbench {
  return {
    ...workbench,
    runs: () => workbench.runs().filter((run) => run.purpose === purpose),
    open: (plan, options) => {
      const session = heed(workbench.open(plan, { ...options, purpose }));
      session.note(storyNote(incident));
      return session;
    },
    resume: (run, options) => heed(workbench.resume(run, options)),
  };
}

/**
 * Once the evidence is held, the report that kept the rows by accident may end: the hold has to stand alone. And customers may come back,
 * where they had to wait for it.
 */
function whenHeld(session: Session, held: () => void): void {
  const freeze = session.state.steps.find(({ step }) => step.effect === "hold");
  if (freeze?.status === "done") held();
  session.events(({ event }) => {
    if (event.kind === "step.ended" && event.step === freeze?.step.key && event.outcome === "done") held();
  });
}

/** A person answers, or what plays one. */
export const byPerson = {
  wishes: { choices: {}, keepRescue: false },
  interactive: true,
  yesSandbox: false,
} as const;

/** `workbench`: the stage's, which sees to the purpose. */
export function sessionOn(workbench: Workbench, at: { readonly plan: Plan } | { readonly resume: RunId }): Session {
  return "plan" in at
    ? workbench.open(at.plan, { ...byPerson, purpose: "live" })
    : workbench.resume(at.resume, byPerson);
}
