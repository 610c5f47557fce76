import type { ZodType } from "zod";
import type { Clock } from "../core/clock.ts";
import type { Effect, Recovery } from "../core/effect.ts";
import type { SettleFinding } from "../core/event.ts";
import type { RunId, StepKey } from "../core/ids.ts";
import type { Json } from "../core/json.ts";
import type { LeaseState } from "../core/run-state.ts";
import type { Choice, Finding, PayloadRef, Preview, Progress, RevealedRow, Written } from "../core/step.ts";
import type { Role } from "../core/target.ts";
import type { Capabilities, Capability, HoldPart, Limits, Transaction, Watch } from "../engines/engine.ts";
import type { Batch, MarkerRow, Prepare } from "../engines/marker.ts";

/**
 * A typed operation with one effect; whatever else it makes is a lease or an entry in our own ledger.
 * `check`, `preview` and `probe` read only and may be called any number of times; `run` may be called again after a kill when the
 * recovery contract says so: then its `once` and `batches` give back what is already done.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- a list of actions holds each with parameters of its own; zod proves them when a step is bound
export interface Action<Params = any, Result extends Json = any> {
  readonly name: string;
  readonly summary: string;
  readonly effect: Effect;
  /** Contracts it can keep, strongest first; the plan freezes the first that the target keeps too. */
  readonly recovery: readonly Recovery[];
  readonly params: ZodType<Params>;
  readonly result: ZodType<Result>;
  readonly roles: Readonly<Record<Role, readonly Capability[]>>;
  /** Asks nothing of its own: giving a lease back was part of what the operator said yes to when it was taken. */
  readonly confirmed?: "with-its-leases";
  check(ctx: ReadContext, params: Params): Promise<readonly Finding[]>;
  preview(ctx: ReadContext, params: Params): Promise<Preview>;
  run(ctx: ActionContext, params: Params): Promise<Result>;
  choices?(result: Result): readonly Choice[];
  /** A resume may choose otherwise while the run is at a step whose `when` hangs on it, was tried, and has left nothing on the target. */
  readonly staysOpen?: true;
  /** What may be written in place of a listed choice, in words; there where `writtenChoice` is. */
  readonly writtenWords?: string;
  /** A choice that is written rather than listed (transaction ids, a time range); null = not understood. */
  writtenChoice?(result: Result, written: string): Choice | null;
  probe?(ctx: ReadContext, params: Params): Promise<Probed>;
  /** What the markers of the step (its key) on the target prove to be written; there where it writes in batches. */
  written?(params: Params, markers: readonly MarkerRow[], step: StepKey): Written;
  verify?(ctx: ReadContext, params: Params, result: Result): Promise<readonly Finding[]>;
  /** A few rows as they are, for the operator who asks to see them. Read anew from the target each time. */
  reveal?(ctx: ReadContext, result: Result): Promise<readonly RevealedRow[]>;
  readonly undo?: { readonly words: string } | { readonly irreversible: string };
}

export interface Probed {
  readonly finding: SettleFinding;
  readonly evidence: readonly string[];
  readonly result?: Json;
}

export interface ReadContext extends Watch {
  readonly run: RunId;
  /** The step's key in the plan; the keys of its markers begin with it and a colon. */
  readonly step: StepKey;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Nothing was made: a freeze that would have been taken is not there. */
  readonly dryRun: boolean;
  /** Fault when the target bound to the role has it not; the plan has checked that before. */
  capability<K extends Capability>(name: K, role?: Role): Capabilities[K];
  /** Leases of this run that are not given back. */
  leases(): readonly LeaseState[];
  /** Markers of this step on the target. */
  markers(key?: string): Promise<readonly MarkerRow[]>;
  /** `choice`: what was wished ahead at this step, which asks for one. */
  wishes: { readonly keepRescue: boolean; readonly choice?: string };
}

export interface ActionContext extends ReadContext {
  /** The only two doors to a writing transaction. `item` names a part (`public.orders`), never a row. Both retry what is known to have rolled back. */
  once<R extends Json>(item: string, work: (tx: Transaction) => Promise<R>, prepare?: Prepare): Promise<R>;
  /** Repeats `work` until it says done, pausing between batches when asked. Gives the last batch. */
  batches(
    item: string,
    work: (tx: Transaction, before: Batch | null) => Promise<Batch>,
    prepare?: Prepare,
  ): Promise<Batch>;
  /** Journals the intent, takes the part, journals what was taken. A part that is there already (a resume) is not taken twice. */
  lease(part: HoldPart): Promise<LeaseState>;
  changeLease(id: string, words: string, facts: Json): void;
  releaseLease(lease: LeaseState): Promise<void>;
  keepLease(lease: LeaseState, until: number): void;
  payload(what: string, bytes: Uint8Array): PayloadRef;
  progress(progress: Progress): void;
}
