import type { LeaseId, StepKey } from "./ids.ts";
import type { Json } from "./json.ts";
import type { Role } from "./target.ts";

/** Something temporary that we made and must give back. Its name alone is enough to find it again after a kill. */
export interface Lease {
  readonly id: LeaseId;
  /** Which keeper knows how to find and release it: `row-pin`, `rescue-area`, `scratch-server`, … */
  readonly kind: string;
  readonly name: string;
  /** A role of the plan, or `machine`: this one. */
  readonly where: Role;
  readonly step: StepKey;
  /** What it is, what it protects from, what it costs: sentences for the operator. */
  readonly words: string;
  readonly protects?: string;
  readonly costs?: string;
  /** How a person gives it back by hand, as a command or a statement. */
  readonly byHand: string;
  /** May be kept past the run's end, with a date. */
  readonly keepable: boolean;
  /** What release needs beside the name (an option's value before, a folder). */
  readonly facts: Json;
}

export type LeaseDraft = Omit<Lease, "id" | "step">;

/** Both are idempotent: releasing what is not there is a success. */
export interface LeaseKeeper {
  find(lease: Lease): Promise<"present" | "absent">;
  /** Whether what is present still does what it was made for; where it does not, it is made anew under its name. Left out: it always does. */
  holds?(lease: Lease): Promise<boolean>;
  release(lease: Lease): Promise<void>;
  /**
   * Why it is given back now though the run goes on: it has come to what it may cost. Asked from time to time while an operator is
   * waited for, who may be gone for hours. Null: it has not. Left out: there is no such limit.
   */
  over?(lease: Lease): Promise<string | null>;
}
