import type { Preview } from "../core/step.ts";
import type { JsonObject } from "../core/json.ts";
import type { Limits } from "../engines/engine.ts";
import type { TriggerMode } from "../engines/merge.ts";
import type { ConflictKind } from "../engines/rescue-area.ts";
import { decidedRows } from "./conflicts.ts";
import { sessionLines, shortLines, tableLine, triggerLines, undoWords } from "./merge-words.ts";
import { about, count, some } from "./say.ts";
import { type Checked, isOfValues, type Rescue } from "./shapes.ts";

/** Inserts with a primary key, two indexes and a foreign key went at 65,000 to 75,000 a second on a small machine. */
const assumedRate = 50_000;

export interface Foreseen {
  readonly checked: Checked;
  /** Conflicts that are written all the same. */
  readonly kinds: readonly ConflictKind[];
  readonly statements: readonly string[];
  readonly fired: number;
  /** Rows of a table that an earlier attempt went through. */
  through(table: string): number;
  readonly expects: JsonObject;
}

export function mergePreview(
  limits: Limits,
  { rescue, triggers }: { readonly rescue: Rescue; readonly triggers: TriggerMode },
  { checked, kinds, statements, fired, through, expects }: Foreseen,
): Preview {
  const isValues = isOfValues(rescue);
  const { insert, update } = writesWith(checked, kinds);
  const takesMs = Math.ceil(((insert + update) / assumedRate) * 1000);
  return {
    summary: isValues
      ? `UPDATE ${some(update, "row")}; ${count(insert)} INSERT, 0 DELETE`
      : `INSERT ${some(insert, "row")}; ${count(update)} UPDATE, 0 DELETE`,
    lines: [
      ...checked.tables.map((table) => tableLine(table, through(table.table), limits.batchRows, kinds)),
      `${about(takesMs)}, assuming ${count(assumedRate)} rows a second`,
      ...shortLines(rescue),
      ...sessionLines(checked.tables, limits),
      ...(isValues && insert > 0 ? ["INSERT of what is gone when the safety copy is taken: that many rows now."] : []),
      kinds.length > 0 ? decidedWords : isValues ? settingBack : inserting,
      ...triggerLines(triggers, fired),
    ],
    ...(isValues || update > 0 ? changing({ insert, update }, isValues) : { counts: { insert } }),
    statements,
    takesMs,
    undo: undoWords(fired, { insert, update }),
    expects,
  };
}

const settingBack = "After each batch it is safe to stop. A row that was changed since is never overwritten.";
const inserting = "After each batch it is safe to stop. What is there now is never overwritten.";
const decidedWords =
  "After each batch it is safe to stop. Nothing is overwritten but what you decided, and that only while it is as the safety copy has it.";

function writesWith({ tables, willInsert, willSet = 0 }: Checked, kinds: readonly ConflictKind[]) {
  const { overwritten, again } = decidedRows(tables, kinds);
  return { insert: willInsert + again, update: willSet + overwritten };
}

/**
 * Traffic takes rows out of what can be set back all the time, and deletes more of them: neither is a reason to ask anew. Which deleted ones
 * are put in is settled by the safety copy, which is taken right after the confirmation.
 */
function changing(
  { insert, update }: { readonly insert: number; readonly update: number },
  isValues: boolean,
): Pick<Preview, "counts" | "mayShrink"> {
  if (isValues || insert === 0) return { counts: { update }, mayShrink: ["update"] };
  return { counts: { update, insert }, mayShrink: ["update"] };
}
