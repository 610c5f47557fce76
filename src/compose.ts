import { constants, mkdirSync } from "node:fs";
import { open, statfs } from "node:fs/promises";
import path from "node:path";
import { actions } from "./actions/index.ts";
import { type Clock, systemClock } from "./core/clock.ts";
import { Fault } from "./core/errors.ts";
import type { Person } from "./core/event.ts";
import type { RunId } from "./core/ids.ts";
import { redactor } from "./core/redact.ts";
import type { Secret } from "./core/secret.ts";
import type { PlannedTarget } from "./core/target.ts";
import { engines as allEngines } from "./engines/index.ts";
import type { Backup, Boundary, EngineFactory, Limits } from "./engines/engine.ts";
import type { GuardPolicy } from "./guards/guard.ts";
import { guards } from "./guards/index.ts";
import type { Journal } from "./journal/journal.ts";
import { openJournal } from "./journal/open.ts";
import { inlinedSteps } from "./runbooks/inline.ts";
import { readInput, readInputs } from "./runbooks/inputs.ts";
import { loadRunbook } from "./runbooks/load.ts";
import { planRunbook } from "./runbooks/plan-runbook.ts";
import { bindReferences } from "./runbooks/references.ts";
import { findRunbook, shippedRunbooks } from "./runbooks/shipped.ts";
import { withCircuitBreaker } from "./runner/circuit-breaker.ts";
import { openWorkbench, type WorkbenchParts } from "./runner/open-workbench.ts";
import type { RunbookSummary, Workbench } from "./runner/workbench.ts";

/** A target and how its connection is found; asked for anew on each connect, so that nothing of it has to be kept. */
export interface Reachable {
  readonly target: PlannedTarget;
  readonly url: () => Promise<Secret>;
  readonly backup?: Backup;
  /** Tables that the config names. */
  readonly tables?: readonly string[];
  readonly dump?: string;
}

/** What a crash or a test puts in the place of a real part; empty in the product. */
export interface Seams {
  readonly reached?: Boundary;
  readonly engines?: readonly EngineFactory[];
  readonly journal?: (journal: Journal) => Journal;
  readonly clock?: Clock;
}

export interface Assembly {
  readonly targets: readonly Reachable[];
  readonly journalFolder: string;
  readonly scratch: string;
  readonly serverBinaries: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly policy: Omit<GuardPolicy, "folders" | "minFreeDisk">;
  readonly person: Person;
  readonly version: string;
  /** Known before anything is journaled: what must never appear in the journal, whoever wrote it there. */
  readonly secrets: readonly Secret[];
  readonly seams?: Seams;
}

/** Joins the real parts into a workbench. */
export function assemble(assembly: Assembly): Workbench {
  const { seams = {}, limits, person, version } = assembly;
  const clock = seams.clock ?? systemClock;
  const reached = seams.reached ?? (() => undefined);
  const engines = (seams.engines ?? allEngines).map((factory) => withCircuitBreaker(factory, clock));
  const opened = openJournal({ folder: assembly.journalFolder, clock, reached, redactor: redactor(assembly.secrets) });
  const journal = seams.journal?.(opened) ?? opened;
  const parts: WorkbenchParts = {
    journal,
    actions,
    guards,
    connect: connector(assembly, engines, clock, reached),
    bind: bindReferences,
    phrase: (target, database) => phraseFor(assembly.targets, target, database),
    machineKeepers: {},
    freeDisk,
    readText,
    clock,
    person,
    version,
    limits,
    policy: {
      ...assembly.policy,
      folders: [assembly.journalFolder, assembly.scratch],
      minFreeDisk: limits.minFreeDisk,
    },
    reached,
    targets: assembly.targets.map((reachable) => reachable.target),
    runbooks,
    readInput: (field, written) => {
      const read = readInput(field.type, written, clock.now());
      return read.ok ? read : { ok: false, words: `${read.reason}; what would pass: ${read.passes}` };
    },
    readInputs: (name, written) => {
      const { runbook } = loadRunbook(findRunbook(name));
      const inputs = readInputs(runbook, written, clock.now());
      return { inputs, tables: Object.keys(inputs).filter((input) => runbook.inputs?.[input]?.type === "table") };
    },
    makePlan: (runbook, target, inputs) =>
      planRunbook(loadRunbook(findRunbook(runbook)), {
        inputs,
        targets: { main: target },
        actions,
        keeps: { main: factoryFor(engines, target).keeps },
      }),
    tablesOf: (name) => assembly.targets.find(({ target }) => target.name === name)?.tables ?? [],
    closing: async () => undefined,
  };
  return openWorkbench(parts);
}

function connector(
  assembly: Assembly,
  engines: readonly EngineFactory[],
  clock: Clock,
  reached: Boundary,
): WorkbenchParts["connect"] {
  const { limits, person, scratch, serverBinaries } = assembly;
  return async (target: PlannedTarget, run: RunId) => {
    const reachable = assembly.targets.find((one) => one.target.name === target.name);
    if (!reachable) throw targetGone(target);
    return factoryFor(engines, target).connect({
      target,
      url: await reachable.url(),
      session: { run, person: `${person.operator}@${person.host}` },
      machine: { scratch, serverBinaries },
      limits,
      clock,
      reached,
      ...(reachable.backup === undefined ? {} : { backup: reachable.backup }),
      ...(reachable.dump === undefined ? {} : { dump: reachable.dump }),
    });
  };
}

function factoryFor(engines: readonly EngineFactory[], target: PlannedTarget): EngineFactory {
  const found = engines.find((factory) => factory.engine === target.engine);
  if (found) return found;
  throw new Fault(
    "HF-ENGINE-UNKNOWN",
    `the target ${target.name} is of an engine that this version lacks: ${target.engine}`,
    {
      exit: "input",
      still: "Nothing was started.",
      hint: `It has: ${engines.map((factory) => factory.engine).join(", ")}.`,
    },
  );
}

function targetGone(target: PlannedTarget): Fault {
  return new Fault("HF-TARGET-UNKNOWN", `the config has no target "${target.name}" any more`, {
    exit: "input",
    still: "The run is as it was; what it holds is still held.",
    hint: "Put the target back into holdfast.yaml under the name that the run began with, then resume.",
  });
}

/** The bare name would not catch the wrong server where another environment has a database of that name: then both are typed. */
function phraseFor(targets: readonly Reachable[], target: PlannedTarget, database: string): string {
  const twin = targets.some(
    ({ target: other }) => other.database === database && other.environment !== target.environment,
  );
  return twin ? `${target.environment}/${database}` : database;
}

function runbooks(): readonly RunbookSummary[] {
  return [...shippedRunbooks().values()].map((file) => {
    const loaded = loadRunbook(file);
    const { runbook } = loaded;
    const effects = { read: 0, hold: 0, write: 0, destroy: 0 };
    for (const { step } of inlinedSteps(loaded)) {
      const effect = step.effect ?? actions.find((action) => action.name === step.do)?.effect;
      if (effect !== undefined) effects[effect] += 1;
    }
    const inputs = Object.entries(runbook.inputs ?? {}).map(([name, input]) => ({
      name,
      type: input.type,
      prompt: input.prompt,
      optional: input.optional ?? false,
    }));
    return { id: runbook.id, title: runbook.title, about: runbook.about ?? "", effects, inputs };
  });
}

/** Of the nearest folder that is there: what will be made in it counts against the same disk. */
async function freeDisk(folder: string): Promise<{ share: number; bytes: number }> {
  mkdirSync(path.dirname(folder), { recursive: true });
  const found = await statfs(folder).catch(() => statfs(path.dirname(folder)));
  return { share: found.bavail / found.blocks, bytes: found.bavail * found.bsize };
}

/**
 * The first 4 KB. Anything but a regular file can't be read (a pipe would never end, a link may lead to a secret or nowhere), and a guard
 * that can't be evaluated denies.
 */
async function readText(file: string): Promise<string | null> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const handle = await open(file, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    if (error.code === "ELOOP") throw new Error(`${file} is a link, and is not followed`);
    throw error;
  });
  if (handle === null) return null;
  try {
    if (!(await handle.stat()).isFile()) throw new Error(`${file} is there and is not a regular file`);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}
