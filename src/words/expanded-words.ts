import type { RunEvent } from "../core/event.ts";
import type { RunState } from "../core/run-state.ts";
import { count, plural } from "./format.ts";

type Expanded = Extract<RunEvent, { kind: "step.expanded" }>;

const itemsNamed = 5;

/** `STEP 3-32/40 FOR EACH of 30 items: a, b, c, d, e and 25 more`. */
export function expandedWords({ step, items }: Expanded, state: RunState): string {
  const first = state.steps.findIndex(({ step: one }) => (one.item?.of ?? one.key) === step) + 1;
  const last = first + Math.max(1, items.length) - 1;
  const where = first === last ? `${first}` : `${first}-${last}`;
  const number = first === 0 ? `STEP ${step}` : `STEP ${where}/${state.steps.length}`;
  const none = strangers(step, items, state);
  if (items.length === 0) return `${number} SKIPPED ${step}: its list has no item${none}`;
  const named = items
    .slice(0, itemsNamed)
    .map(({ name }) => name)
    .join(", ");
  const more = items.length > itemsNamed ? ` and ${count(items.length - itemsNamed)} more` : "";
  return `${number} FOR EACH of ${plural(items.length, "item")}: ${named}${more}${none}`;
}

/** A choice that was made ahead for an item that there is not would be passed over in silence: it may be a slip of the hand. */
function strangers(step: string, items: Expanded["items"], { wishes }: RunState): string {
  const wished = Object.keys(wishes.choices).filter((key) => key.startsWith(`${step}:`));
  const strange = wished.filter((key) => !items.some(({ name }) => key === `${step}:${name}`));
  return strange.length === 0 ? "" : `; NOTE there is none that --choose ${strange.join(", ")} is for`;
}
