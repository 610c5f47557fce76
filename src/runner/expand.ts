import { Fault } from "../core/errors.ts";
import type { ExitName } from "../core/exit-codes.ts";
import { isJsonObject, type Json } from "../core/json.ts";
import type { ExpandedItem, PlannedStep } from "../core/plan.ts";
import { scopeOf } from "./binding.ts";
import { type Driver, isDryRun } from "./driver.ts";

const mostItems = 1000;
const longestName = 200;

/**
 * Binds the list of a template, and journals the items once, before the first of their steps; a kill before that binds it again, from the
 * same results. Faults `HF-EACH-...` come before anything: what can't be told apart by its name is never begun.
 */
export function expand(driver: Driver, step: PlannedStep, each: Json): void {
  const items = listOf(driver, step, each).map((value, index) => itemOf(driver, step, value, index + 1));
  proveDistinct(
    step,
    items.map(({ name }) => name),
  );
  driver.log.append({ kind: "step.expanded", step: step.key, items });
  driver.parts.reached(`step.expanded:${step.key}`);
}

function listOf(driver: Driver, step: PlannedStep, each: Json): readonly Json[] {
  const scope = scopeOf(driver.log.state);
  const { list } = driver.parts.bind({ list: each }, scope);
  if (list === undefined && isNothing(driver, each)) return [];
  if (!Array.isArray(list)) throw noList(driver, step, list === undefined);
  if (list.length <= mostItems) return list as readonly Json[];
  const count = list.length.toLocaleString("en-US");
  throw eachFault(
    "MANY",
    step,
    `its list has ${count} items, and at most ${mostItems.toLocaleString("en-US")} are taken`,
  );
}

/** The step that should have given it was skipped, or the input was not given: that is no item, and no mistake of a name. */
function isNothing({ log }: Driver, each: Json): boolean {
  if (typeof each !== "string" || !each.startsWith("${steps.")) return true;
  const key = each.slice("${steps.".length).split(".")[0];
  return log.state.steps
    .filter(({ step }) => (step.item?.of ?? step.key) === key)
    .every((one) => one.status === "skipped");
}

function noList(driver: Driver, step: PlannedStep, isAbsent: boolean): Fault {
  if (!isAbsent) return eachFault("LIST", step, "what its each: stands for is no list");
  if (!isDryRun(driver)) return eachFault("LIST", step, "its each: stands for nothing");
  return eachFault("LIST", step, "a dry run can't know the items of its each: yet", "incomplete");
}

function itemOf(driver: Driver, step: PlannedStep, value: Json, nth: number): ExpandedItem {
  const name = isJsonObject(value) ? value["name"] : value;
  if (typeof name !== "string") throw eachFault("ITEM", step, `item ${nth} is no text, and has no text as its name`);
  const unfit = unfitName(name);
  if (unfit !== null) throw eachFault("ITEM", step, `the name of item ${nth} ${unfit}`);
  const { title } = driver.parts.bind({ title: step.itemTitle ?? null }, { inputs: {}, steps: {}, item: value });
  return { name, title: typeof title === "string" && title !== "" ? title : `${step.title}: ${name}`, value };
}

function unfitName(name: string): string | null {
  if (name.trim() === "") return "is empty";
  if (name.length > longestName) return `has more than ${longestName} characters`;
  return /[\p{Cc}\p{Zl}\p{Zp}]/u.test(name) || !name.isWellFormed() ? "has control characters" : null;
}

/**
 * Steps and markers are known by `step:item` and `step:item:part`. Two of one name would share their markers, and so would an item whose
 * name goes on after another's with a colon: what the one did would count as done for the other.
 */
function proveDistinct(step: PlannedStep, names: readonly string[]): void {
  const first = new Map<string, number>();
  names.forEach((name, index) => {
    const before = first.get(name);
    if (before !== undefined) throw eachFault("ITEM", step, `items ${before} and ${index + 1} have one name`);
    first.set(name, index + 1);
  });
  names.forEach((name, index) => {
    for (let at = name.indexOf(":"); at !== -1; at = name.indexOf(":", at + 1)) {
      const before = first.get(name.slice(0, at));
      if (before === undefined) continue;
      throw eachFault("ITEM", step, `the name of item ${index + 1} is that of item ${before}, a colon and more`);
    }
  });
}

function eachFault(what: string, step: PlannedStep, message: string, exit: ExitName = "input"): Fault {
  return new Fault(`HF-EACH-${what}`, `the step ${step.key} can't be expanded: ${message}`, {
    exit,
    still: "Nothing was begun in this step, for no item of it; what earlier steps hold is still held.",
    hint: `An each: takes a list of texts, or of maps with a text as their name: at most ${mostItems.toLocaleString("en-US")}, each name once.`,
  });
}
