import { isJsonObject, type Json, type JsonObject } from "../../core/json.ts";
import type { RunState, StepState, StepStatus } from "../../core/run-state.ts";
import type { Incident, Proof } from "../../engines/rehearse.ts";
import { type Proof as RunProof, proofOf } from "../../words/outcome-words.ts";
import { isProved } from "./words.ts";

/** What a drill came to: what was planned against what happened, and the proof against the truth that it kept itself. JSON-safe. */
export interface DrillReport {
  readonly run: string;
  readonly runbook: string;
  readonly incident: Incident;
  /** `proved`: the run is done, and every row is what it has to be. `given-up`: the run was, whatever is back. */
  readonly verdict: "proved" | "not-proved" | "given-up";
  /** Milliseconds from the run's opening to its end, and of these spent in its steps; the rest was reading and answering. */
  readonly elapsedMs: number;
  readonly workedMs: number;
  /** How often it was left, or killed, and gone on with. */
  readonly resumes: number;
  readonly steps: readonly ReportedStep[];
  /** Rows as the run itself counted them; null where it did not come to prove them. */
  readonly rows: ReportedRows | null;
  /** Rescued rows that met something in their table, by kind; none that is zero. */
  /** `written`: it was decided so; else they stay as others made them. */
  readonly conflicts: readonly { readonly kind: string; readonly rows: number; readonly written?: true }[];
  /** Rows that the way back could not bring. */
  readonly lost: number;
  /** Versions left out, since nobody can tell whether the statement took them. */
  readonly leftOut: number;
  /** What others did all the while; null where they could not. */
  readonly traffic: { readonly changes: number; readonly reads: number } | null;
  /** Every row of every table against the truth. */
  readonly truth: Proof;
}

export interface ReportedRows {
  readonly rescued: number;
  readonly back: number;
  /** Of those that are back: others have changed them since. */
  readonly changedSince: number;
  readonly notBack: number;
}

export interface ReportedStep {
  readonly step: string;
  readonly title: string;
  readonly status: StepStatus;
  readonly attempts: number;
  /** Null: nothing was promised. */
  readonly expectedMs: number | null;
  readonly tookMs: number;
  /** What the preview counted, and what came of it; null where the result has no such number. */
  readonly counts: readonly { readonly what: string; readonly planned: number; readonly done: number | null }[];
}

/** Pure: of a run that is closed. */
export function drillReport(
  state: RunState,
  incident: Incident,
  truth: Proof,
  traffic: DrillReport["traffic"],
): DrillReport {
  const proof = proofOf(state);
  const tables = tablesOf(newest(state, "area"));
  return {
    run: state.run,
    runbook: state.plan.runbook.id,
    incident,
    verdict: verdictOf(state, truth),
    elapsedMs: state.lastAt - state.openedAt,
    workedMs: sum(state.steps, ({ took }) => took),
    resumes: state.resumes,
    steps: state.steps.map(reported),
    rows: proof && rowsIn(proof),
    conflicts: conflictsIn(tablesOf(newest(state, "willInsert"))).map((one) => decided(state, one)),
    lost: Math.max(sum(tables, numberOf("lost")), proof?.short ?? 0),
    leftOut: sum(tables, numberOf("unknown")),
    traffic,
    truth,
  };
}

function rowsIn({ rescued, different, absent, remade, short }: RunProof): ReportedRows {
  return {
    rescued,
    back: rescued - absent - remade,
    changedSince: different - remade,
    notBack: absent + remade + short,
  };
}

function verdictOf(state: RunState, truth: Proof): DrillReport["verdict"] {
  if (state.status === "abandoned") return "given-up";
  return isProved(truth, state) ? "proved" : "not-proved";
}

function reported({ step, status, attempt, took, preview, result }: StepState): ReportedStep {
  return {
    step: step.key,
    title: step.title,
    status,
    attempts: attempt,
    expectedMs: preview?.takesMs ?? null,
    tookMs: took,
    counts: Object.entries(writesTogether(preview?.counts ?? {})).map(([what, planned]) => ({
      what,
      planned,
      done: doneOf(what, result),
    })),
  };
}

/** A merge that does both counts what it wrote, not by what. */
function writesTogether(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const { insert, update, ...others } = counts;
  return insert === undefined || update === undefined ? counts : { write: insert + update, ...others };
}

/** `insert` was planned, `inserted` is what came of it. */
function doneOf(what: string, result: Json | undefined): number | null {
  if (!isJsonObject(result)) return null;
  const names = [what, ...Object.keys(result).filter((key) => key.startsWith(what)), ...(otherNames[what] ?? [])];
  const name = names.find((one) => result[one] !== undefined);
  const found = name === undefined ? undefined : result[name];
  if (Array.isArray(found)) return found.length;
  return typeof found === "number" ? found : null;
}

/** A merge that sets rows back counts what it wrote, and a copy of present rows what may be overwritten. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  update: ["inserted"],
  write: ["inserted"],
  rows: ["overwritten"],
};

/** What a check says of a table beside its conflicts. */
const noConflict = new Set(["rows", "missing", "willInsert", "willSet", "identical"]);

function conflictsIn(tables: readonly JsonObject[]): DrillReport["conflicts"] {
  const found = new Map<string, number>();
  for (const table of tables)
    for (const [kind, n] of [
      ...Object.entries(table),
      ...Object.entries(isJsonObject(table.values) ? table.values : {}),
    ])
      if (typeof n === "number" && n > 0 && !noConflict.has(kind)) found.set(kind, (found.get(kind) ?? 0) + n);
  return [...found].map(([kind, rows]) => ({ kind, rows }));
}

/** The step that asked about a kind is named by it: `conflicts:changed-since`. */
function decided({ steps }: RunState, conflict: DrillReport["conflicts"][number]): DrillReport["conflicts"][number] {
  const name = conflict.kind.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const choice = steps.find(({ step }) => step.item?.name === name)?.choice;
  return choice === undefined || choice.value === "leave" ? conflict : { ...conflict, written: true };
}

/** The result that was told last and has such a field. */
function newest({ steps }: RunState, field: string): JsonObject | null {
  const results = steps.filter(({ status }) => status === "done").map(({ result }) => result);
  const found = results.findLast((result) => isJsonObject(result) && result[field] !== undefined);
  return isJsonObject(found) ? found : null;
}

function tablesOf(result: JsonObject | null): readonly JsonObject[] {
  return Array.isArray(result?.tables) ? result.tables.filter(isJsonObject) : [];
}

function numberOf(name: string): (table: JsonObject) => number {
  return (table) => (typeof table[name] === "number" ? table[name] : 0);
}

function sum<T>(list: readonly T[], of: (one: T) => number): number {
  return list.reduce((total, one) => total + of(one), 0);
}
