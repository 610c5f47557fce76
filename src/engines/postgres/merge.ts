import type { Merge } from "../merge.ts";
import { mergeBatch } from "./merge/batch.ts";
import { closedModes, ruleFacts } from "./merge/modes.ts";
import { mergeOrder } from "./merge/order.ts";
import { previewStatements } from "./merge/preview.ts";
import { moveSequences } from "./merge/sequences.ts";
import { isDivisible } from "./merge/scope.ts";
import { setBackBatch, setBackStatements } from "./merge/set-back.ts";
import { userTriggers } from "./merge/triggers.ts";
import { verifyMerge } from "./merge/verify.ts";
import { readMoment } from "./rescue-area/reading.ts";
import type { PostgresTarget } from "./target.ts";

/** INSERT … SELECT from the rescue area, in batches by ordinal; what is in the table is never changed, unless former values are set back. */
export function merge(target: PostgresTarget): Merge {
  return {
    triggers: async (tables, effect = "insert") => {
      const connection = await target.catalogue();
      return [...(await userTriggers(connection, tables, effect)), ...(await ruleFacts(connection, tables, effect))];
    },
    closedModes: (tables, effect) => closedModes(target, tables, effect),
    order: async (tables, triggers = "fire") => mergeOrder(await target.catalogue(), tables, triggers),
    // The replica role stops ordinary triggers, and foreign keys with them: each batch then looks for parents itself.
    prepare: (triggers) => (triggers === "skip" ? { session_replication_role: "replica" } : {}),
    statements: (request) =>
      readMoment(target, null, (connection) =>
        (request.values ? setBackStatements : previewStatements)(connection, request, target.request.limits),
      ),
    divisible: (request) => readMoment(target, null, (connection) => isDivisible(connection, request)),
    batch: (tx, request, after, size) => (request.values ? setBackBatch : mergeBatch)(target, tx, request, after, size),
    sequences: (tx, request) => (request.values ? Promise.resolve([]) : moveSequences(target, tx, request)),
    verify: (run, tables, watch) =>
      readMoment(target, watch.signal, (connection) => verifyMerge(connection, run, tables, watch)),
  };
}
