import { Fault } from "../../../core/errors.ts";
import type { TableName } from "../../inspect.ts";
import type { TriggerMode } from "../../merge.ts";
import { lockFreeShape, type TableShape } from "../catalogue.ts";
import type { Connection } from "../connection.ts";
import { parentsFirst } from "../rescue-area/comparison.ts";

/** Fault `HF-PG-FK-CIRCLE` where tables refer to each other in a circle, unless foreign keys are skipped. */
export async function mergeOrder(
  connection: Connection,
  tables: readonly TableName[],
  triggers: TriggerMode,
): Promise<readonly TableName[]> {
  const shapes: TableShape[] = [];
  for (const table of tables) shapes.push(await lockFreeShape(connection, table));
  const { order, circle } = parentsFirst(shapes);
  if (circle.length === 0 || triggers === "skip") return order;
  throw new Fault("HF-PG-FK-CIRCLE", `${circle.join(", ")} refer to each other in a circle of foreign keys`, {
    exit: "refused",
    still: "Nothing was merged; the recovered rows wait in the rescue area.",
    hint: "Choose skip for the triggers: foreign keys are then off, and each batch looks for parents itself.",
  });
}
