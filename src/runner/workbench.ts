import type { Environment, Purpose } from "../core/effect.ts";
import type { Stamped, RunWishes } from "../core/event.ts";
import type { RunId } from "../core/ids.ts";
import type { Plan } from "../core/plan.ts";
import type { ReadyTarget } from "../core/readiness.ts";
import type { RunSummary, VerifyReport } from "../journal/journal.ts";
import type { Session } from "./session.ts";

export interface TargetSummary {
  readonly name: string;
  readonly engine: string;
  readonly environment: Environment;
  readonly database: string;
  readonly tier?: string;
}

export interface InputField {
  readonly name: string;
  readonly type: "table" | "instant" | "text" | "integer" | "boolean" | "list";
  readonly prompt: string;
  readonly optional: boolean;
}

export interface RunbookSummary {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly effects: Readonly<Record<"read" | "hold" | "write" | "destroy", number>>;
  readonly inputs: readonly InputField[];
  /** Why it can't be run, where that is so. */
  readonly disabled?: string;
}

export interface Suggestion {
  readonly value: string;
  readonly detail: string;
}

/** `ok` in words, or what is wrong and what would pass. */
export interface InputVerdict {
  readonly ok: boolean;
  readonly words: string;
}

export interface PlanRequest {
  readonly runbook: string;
  readonly target: string;
  readonly inputs: Readonly<Record<string, string>>;
}

export interface OpenOptions {
  readonly purpose: Purpose;
  readonly wishes: RunWishes;
  /** A person can answer questions. False: a question ends this process's part of the run. */
  readonly interactive: boolean;
  /** `--yes-sandbox`: confirmations in a sandbox answer themselves. */
  readonly yesSandbox: boolean;
}

export interface DoctorQuery {
  /** Empty: those that the config names for the target, else the largest. */
  readonly tables: readonly string[];
  readonly signal: AbortSignal;
  /** What is looked at just now. */
  tell(note: string): void;
}

/** What precedes and outlives a run. Reading calls change nothing; `plan`, `suggest` and `judge` read a target's catalogue only. */
export interface Workbench {
  /** Who this is: `ops_k@bastion-2`. */
  readonly person: { readonly operator: string; readonly host: string };
  readonly journalFile: string;
  runs(): readonly RunSummary[];
  /** Which runs an operator may mean by what was written. */
  findRuns(text: string): readonly RunId[];
  targets(): readonly TargetSummary[];
  runbooks(): readonly RunbookSummary[];
  suggest(target: string, field: InputField, text: string): Promise<readonly Suggestion[]>;
  judge(target: string, field: InputField, text: string): Promise<InputVerdict>;
  /** Which recovery paths would be open now; writes nothing and reads no table. That a target can't be reached is part of the answer. */
  doctor(target: string, query: DoctorQuery): Promise<ReadyTarget>;
  /** Validates, resolves names by the server's catalogue and seals. Faults say which input and why. */
  plan(request: PlanRequest): Promise<Plan>;
  open(plan: Plan, options: OpenOptions): Session;
  /** Takes the run lock first; Faults as the journal's `take`. A closed run: Fault `HF-RUN-CLOSED`. */
  resume(run: RunId, options: Omit<OpenOptions, "purpose">): Session;
  timeline(run: RunId): readonly Stamped[];
  /** Adds a note to a run that nobody drives, also to one that has ended. Faults as the journal's `take`. */
  note(run: RunId, text: string): void;
  /**
   * Closes the run of a demo or a drill whose server is gone for good: what it held there went with it. Gives how a person removes what may be
   * left of it on this machine. Never of another run. Faults as the journal's `take`.
   */
  writeOff(run: RunId, reason: string): readonly string[];
  verify(run?: RunId): VerifyReport;
  close(): Promise<void>;
}
