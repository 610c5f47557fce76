import { type Comparison, hasParent, refers } from "../rescue-area/comparison.ts";

/** With foreign keys off nothing else would tell that a parent is gone; with them on it spares a refusal. */
export function withParents({ foreignKeys }: Comparison): string {
  return foreignKeys.map((key) => `and (not (${refers(key, "r")}) or ${hasParent(key, "r")})`).join("\n");
}
