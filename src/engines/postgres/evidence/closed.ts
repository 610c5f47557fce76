import type { Fault } from "../../../core/errors.ts";
import type { PathOption } from "../../evidence.ts";

/** Why a recovery path can't be taken, and what would open it: two sentences for the list of paths. */
export interface Closed {
  readonly why: string;
  readonly opensWith: string;
}

/** A fault that stands in a path's way, in the words of the list. */
export function closedBy({ record: { message, hint } }: Fault): Closed {
  return { why: `${message}.`, opensWith: hint ?? "" };
}

/** What the list says of a path whatever is found out about it. */
export type PathBase = Pick<PathOption, "path" | "label" | "needs" | "rescues">;

/** A closed path stays in the list, with the reason. */
export function closedOption(base: PathBase, { why, opensWith }: Closed): PathOption {
  return { ...base, feasible: false, why, opensWith, takesMs: null, rows: null, loses: "", recommended: false };
}
