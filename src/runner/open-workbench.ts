import { Fault } from "../core/errors.ts";
import { newRunId, type RunId } from "../core/ids.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Plan } from "../core/plan.ts";
import type { PlannedTarget } from "../core/target.ts";
import type { Engine } from "../engines/engine.ts";
import type { Inspect } from "../engines/inspect.ts";
import { askDoctor } from "./doctor.ts";
import { openRun, resumeRun } from "./open-session.ts";
import type { RunnerParts } from "./parts.ts";
import { writeOff } from "./write-off.ts";
import type { InputField, InputVerdict, PlanRequest, RunbookSummary, Suggestion, Workbench } from "./workbench.ts";

/** The runner's parts, and what a workbench needs before there is a run. */
export interface WorkbenchParts extends RunnerParts {
  readonly targets: readonly PlannedTarget[];
  readonly runbooks: () => readonly RunbookSummary[];
  /** By pattern only, no server: the value, or what is wrong with what was written and what would pass. */
  readonly readInput: (field: InputField, written: string) => ReadInput;
  /** All inputs of a runbook (one that ships, or a file), by pattern only. Faults say which is wrong and what would pass. */
  readonly readInputs: (runbook: string, written: Readonly<Record<string, string>>) => ReadInputs;
  /** Pure; inputs are read and resolved. */
  readonly makePlan: (runbook: string, target: PlannedTarget, inputs: JsonObject) => Plan;
  /** Tables of a target that the config names. */
  readonly tablesOf?: (target: string) => readonly string[];
  readonly closing: () => Promise<void>;
}

export type ReadInput = { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly words: string };

export interface ReadInputs {
  readonly inputs: JsonObject;
  /** Those that name a table: the server says how it writes the name. */
  readonly tables: readonly string[];
}

export function openWorkbench(parts: WorkbenchParts): Workbench {
  const looking = lookers(parts);
  return {
    person: parts.person,
    journalFile: parts.journal.file,
    runs: () => parts.journal.runs(),
    findRuns: (text) => parts.journal.find(text),
    targets: () => parts.targets,
    runbooks: parts.runbooks,
    suggest: (target, field, text) => suggest(looking, target, field, text),
    judge: (target, field, text) => judgeInput(parts, looking, target, field, text),
    doctor: (name, query) => {
      const target = looking.target(name);
      return askDoctor(parts, target, () => looking.engine(name), query);
    },
    plan: (request) => planFor(parts, looking, request),
    open: (plan, options) => openRun(parts, plan, options),
    resume: (run, options) => resumeRun(parts, run, options),
    timeline: (run) => parts.journal.read(run),
    note: (run, text) => noteOn(parts, run, text),
    writeOff: (run, reason) => writeOff(parts, run, reason),
    verify: (run) => parts.journal.verify(run),
    close: async () => {
      await looking.close();
      parts.journal.close();
      await parts.closing();
    },
  };
}

function noteOn({ journal, person }: WorkbenchParts, run: RunId, text: string): void {
  const taken = journal.take(run);
  try {
    taken.append([{ kind: "note.added", text, by: person.operator }]);
  } finally {
    taken.release();
  }
}

/** Connections for looking at catalogues before there is a run: one a target, closed with the workbench. */
interface Lookers {
  engine(target: string): Promise<Engine>;
  inspect(target: string): Promise<Inspect>;
  target(name: string): PlannedTarget;
  close(): Promise<void>;
}

function lookers(parts: WorkbenchParts): Lookers {
  const open = new Map<string, Promise<Engine>>();
  const run = newRunId(parts.clock.now());
  const target = (name: string) => targetNamed(parts, name);
  const engine = (name: string) => {
    const connecting = open.get(name) ?? parts.connect(target(name), run);
    open.set(name, connecting);
    connecting.catch(() => open.delete(name)); // the next look tries anew
    return connecting;
  };
  return {
    engine,
    target,
    inspect: async (name) => {
      const { inspect } = (await engine(name)).capabilities;
      if (inspect) return inspect;
      throw new Fault("HF-CAPABILITY-MISSING", `the target ${name} can't be looked at`, { exit: "input" });
    },
    close: async () => {
      const engines = await Promise.allSettled(open.values());
      await Promise.all(engines.flatMap((engine) => (engine.status === "fulfilled" ? [engine.value.close()] : [])));
    },
  };
}

function targetNamed(parts: WorkbenchParts, name: string): PlannedTarget {
  const found = parts.targets.find((target) => target.name === name);
  if (found) return found;
  const names = parts.targets.map((target) => target.name).join(", ");
  throw new Fault("HF-TARGET-UNKNOWN", `the config has no target "${name}"`, {
    exit: "input",
    still: "Nothing was started.",
    hint: names === "" ? "Add a target to holdfast.yaml (holdfast init writes one)." : `It has: ${names}.`,
  });
}

async function suggest(
  looking: Lookers,
  target: string,
  field: InputField,
  text: string,
): Promise<readonly Suggestion[]> {
  if (field.type !== "table") return [];
  const tables = await (await looking.inspect(target)).suggestTables(text);
  return tables.map((fact) => ({ value: fact.table, detail: `about ${fact.aboutRows.toLocaleString("en-US")} rows` }));
}

async function judgeInput(
  parts: WorkbenchParts,
  looking: Lookers,
  target: string,
  field: InputField,
  text: string,
): Promise<InputVerdict> {
  if (text.trim() === "") return field.optional ? { ok: true, words: "optional" } : { ok: false, words: "needed" };
  const read = parts.readInput(field, text);
  if (!read.ok) return { ok: false, words: read.words };
  if (field.type !== "table") return { ok: true, words: "ok" };
  try {
    return { ok: true, words: `${await (await looking.inspect(target)).resolveTable(text)} (nothing has read it)` };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { ok: false, words: [error.record.message, error.record.hint].filter(Boolean).join(". ") };
  }
}

/** Every input has passed its pattern, and the runbook is proved, before a server is asked anything. */
async function planFor(parts: WorkbenchParts, looking: Lookers, request: PlanRequest): Promise<Plan> {
  const target = looking.target(request.target);
  const { inputs, tables } = parts.readInputs(request.runbook, request.inputs);
  const asWritten = parts.makePlan(request.runbook, target, inputs);
  if (tables.length === 0) return asWritten;
  const resolved: Record<string, Json> = {};
  for (const name of tables) {
    const written = inputs[name];
    if (typeof written !== "string") continue;
    resolved[name] = await (await looking.inspect(target.name)).resolveTable(written);
  }
  return parts.makePlan(request.runbook, target, { ...inputs, ...resolved });
}
