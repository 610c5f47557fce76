import type { TriggerFact } from "../../merge.ts";
import type { TableName } from "../../inspect.ts";
import { lockFreeShape, type UserTrigger } from "../catalogue.ts";
import type { Connection } from "../connection.ts";

/** Those that the statement would fire. */
export async function userTriggers(
  connection: Connection,
  tables: readonly TableName[],
  effect: "insert" | "update",
): Promise<readonly TriggerFact[]> {
  const facts: TriggerFact[] = [];
  for (const table of tables) {
    const shape = await lockFreeShape(connection, table);
    const fired = effect === "insert" ? shape.insertTriggers : shape.updateTriggers;
    const told = fired.map((one) => ({ table: one.table, name: one.name, words: words(one, effect) }));
    facts.push(...told);
  }
  return facts;
}

function words({ when, each, calls, enabled }: UserTrigger, effect: "insert" | "update"): string {
  return `${when} ${effect.toUpperCase()}, for each ${each}, calls ${calls}()${exceptions[enabled]}`;
}

const exceptions = {
  O: "",
  A: "; fires with skip too (ENABLE ALWAYS)",
  R: "; fires with skip only (ENABLE REPLICA)",
} as const;
