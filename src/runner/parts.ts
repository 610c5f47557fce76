import type { Action } from "../actions/action.ts";
import type { Clock } from "../core/clock.ts";
import type { Person } from "../core/event.ts";
import type { RunId, StepKey } from "../core/ids.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { LeaseKeeper } from "../core/lease.ts";
import type { PlannedTarget } from "../core/target.ts";
import type { Boundary, Engine, Limits } from "../engines/engine.ts";
import type { Guard, GuardPolicy } from "../guards/guard.ts";
import type { Journal } from "../journal/journal.ts";

/** What earlier steps and the inputs stand for when a step's references are bound. */
export interface BindScope {
  readonly inputs: JsonObject;
  /** What `${item}` stands for in the step of an `each:`. */
  readonly item?: Json;
  readonly steps: Readonly<Record<StepKey, { readonly result?: Json; readonly choice?: Json }>>;
}

/** Everything the runner is made of; it names no implementation. */
export interface RunnerParts {
  readonly journal: Journal;
  readonly actions: readonly Action[];
  readonly guards: readonly Guard[];
  readonly connect: (target: PlannedTarget, run: RunId) => Promise<Engine>;
  readonly bind: (value: JsonObject, scope: BindScope) => JsonObject;
  /** What has to be typed for a target whose server calls its database so. */
  readonly phrase: (target: PlannedTarget, database: string) => string;
  readonly machineKeepers: Readonly<Record<string, LeaseKeeper>>;
  readonly freeDisk: (folder: string) => Promise<{ readonly share: number; readonly bytes: number }>;
  readonly readText: (file: string) => Promise<string | null>;
  readonly clock: Clock;
  readonly person: Person;
  readonly version: string;
  readonly limits: Limits;
  readonly policy: GuardPolicy;
  readonly reached: Boundary;
}
