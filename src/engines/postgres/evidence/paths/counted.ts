import { Fault } from "../../../../core/errors.ts";
import type { RecoveredTable } from "../../../evidence.ts";
import type { Closed } from "../closed.ts";

/** What a count found; or, where nobody can tell which versions of a group are the newest, why, and what opens the path then. */
export async function countedOrClosed<T>(
  count: () => Promise<T>,
): Promise<{ readonly counted: T; readonly closed: null } | { readonly closed: Closed }> {
  try {
    return { counted: await count(), closed: null };
  } catch (error) {
    if (!(error instanceof Fault) || !error.record.code.startsWith("HF-PG-GROUP-")) throw error;
    const { message } = error.record;
    return {
      closed: {
        why: `${message[0]?.toUpperCase() ?? ""}${message.slice(1)}.`,
        opensWith: "One transaction at the step statement, in a new run.",
      },
    };
  }
}

/** Over all tables; what a table does not tell of is none. */
export function sumOf(
  tables: readonly RecoveredTable[],
  what: "rows" | "lost" | "unknown" | "moved" | "own" | "older",
): number {
  return tables.reduce((sum, table) => sum + (table[what] ?? 0), 0);
}
