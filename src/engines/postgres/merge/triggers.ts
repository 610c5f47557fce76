import type { TriggerFact } from "../../merge.ts";
import type { TableName } from "../../inspect.ts";
import { type InsertTrigger, lockFreeShape } from "../catalogue.ts";
import type { Connection } from "../connection.ts";

export async function insertTriggers(
  connection: Connection,
  tables: readonly TableName[],
): Promise<readonly TriggerFact[]> {
  const facts: TriggerFact[] = [];
  for (const table of tables) {
    const shape = await lockFreeShape(connection, table);
    facts.push(
      ...shape.insertTriggers.map((trigger) => ({ table: trigger.table, name: trigger.name, words: words(trigger) })),
    );
  }
  return facts;
}

function words({ when, each, calls, enabled }: InsertTrigger): string {
  return `${when} INSERT, for each ${each}, calls ${calls}()${exceptions[enabled]}`;
}

const exceptions = {
  O: "",
  A: "; fires with skip too (ENABLE ALWAYS)",
  R: "; fires with skip only (ENABLE REPLICA)",
} as const;
