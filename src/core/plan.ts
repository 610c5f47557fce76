import type { Effect, Recovery } from "./effect.ts";
import type { StepKey } from "./ids.ts";
import { sha256 } from "./ids.ts";
import { canonicalJson, type Json, type JsonObject } from "./json.ts";
import type { PlannedTarget, Role } from "./target.ts";

/** A step as the plan freezes it. `with` still holds whole-value references (`${steps.find.result.statement}`), bound when the step runs. */
export interface PlannedStep {
  readonly key: StepKey;
  readonly title: string;
  readonly why: string;
  readonly action: string;
  readonly effect: Effect;
  readonly recovery: Recovery;
  /** The action's role → the plan's role. */
  readonly on: Readonly<Record<Role, Role>>;
  readonly with: JsonObject;
  /**
   * Whole-value references; the step is skipped unless each is bound to something other than false, null or absent. `false`: it was
   * clear when the plan was made that it is not wanted.
   */
  readonly when?: string | readonly string[] | false;
  /** A whole-value reference to a list, or the list: the step is a template, and the run puts one step of each item in its place. */
  readonly each?: Json;
  /** A whole-value reference into the item: the title of an item's step, where the runbook names one. */
  readonly itemTitle?: string;
  /** Only in a run's state, on a step that was put in the place of a template: which, and the item that `${item}` stands for. */
  readonly item?: StepItem;
  /** The operator picks one of the action's choices after it ran. */
  readonly choose?: "one";
  /** Neighbouring steps of one group share a preview and are confirmed once. */
  readonly group?: string;
  /** By how much the effect's counts may leave the preview before the confirmation lapses: a share, 0 = not at all. */
  readonly tolerance: number;
}

export interface StepItem {
  readonly of: StepKey;
  /** Unique among the template's items, and fit for a key: never a row's value. */
  readonly name: string;
  readonly value: Json;
}

/** A runbook that another one uses: its text is frozen with it. */
export interface UsedRunbook {
  readonly id: string;
  readonly text: string;
  readonly digest: string;
}

export interface Plan {
  readonly format: 1;
  readonly runbook: {
    readonly id: string;
    readonly title: string;
    readonly text: string;
    readonly digest: string;
    /** Those whose steps stand inlined among the plan's, whichever of them names them; absent where there are none. */
    readonly uses?: readonly UsedRunbook[];
  };
  readonly inputs: JsonObject;
  readonly targets: Readonly<Record<Role, PlannedTarget>>;
  readonly steps: readonly PlannedStep[];
  /** Over text of the runbook, inputs, targets and steps: what a confirmation, an approval and a marker bind to. */
  readonly digest: string;
}

export function sealPlan(plan: Omit<Plan, "digest">): Plan {
  return { ...plan, digest: sha256(canonicalJson(plan as unknown as Json)) };
}

/** The step that stands for one item of a template. */
export function stepForItem(template: PlannedStep, { name, title, value }: ExpandedItem): PlannedStep {
  const { each: _each, itemTitle: _title, ...step } = template;
  const { key } = template;
  return { ...step, key: `${key}:${name}`, title, item: { of: key, name, value } };
}

/** An item as it is journaled, with the title of its step. */
export interface ExpandedItem {
  readonly name: string;
  readonly title: string;
  readonly value: Json;
}

/** `9c1e 44a0 7b21`: enough of a digest to compare by eye. */
export function shortDigest(digest: string): string {
  return [digest.slice(0, 4), digest.slice(4, 8), digest.slice(8, 12)].join(" ");
}
