import type { Fault } from "../../../core/errors.ts";
import type { Change, ReadyPath } from "../../../core/readiness.ts";
import type { PathOption } from "../../evidence.ts";

/** Why a recovery path can't be taken, and what would open it: two sentences for the list of paths. */
export interface Closed {
  readonly why: string;
  readonly opensWith: string;
  /** The one change that opens it, as it is typed, where that is known. */
  readonly change?: Change;
  /** The same as statements, each whole: with names of somebody else's in them they must never be cut out of a text. */
  readonly statements?: readonly string[];
}

/** `now`: as the survey finds it. `ahead`: as it will, once a freeze has made what it makes. */
export type When = "now" | "ahead";

export function change(kind: Change["kind"], text: string, more: Partial<Change> = {}): Change {
  return { kind, text, restart: false, fromNowOn: false, ...more };
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

/** The same before anything happened: what a survey would say. */
export function closedReady({ path, label }: PathBase, { why, opensWith, change: opens }: Closed): ReadyPath {
  const changes = opens ? [opens] : [];
  return { path, label, open: false, why, holds: null, takesMs: null, loses: "", opensWith, changes };
}

export function openReady(
  { path, label }: PathBase,
  found: { readonly why: string; readonly holds: string; readonly takesMs: number; readonly loses: string },
): ReadyPath {
  return { path, label, open: true, ...found, opensWith: null, changes: [] };
}
