import type { Limits } from "../../engine.ts";
import type { MergeTable } from "../../merge.ts";
import type { Connection } from "../connection.ts";
import { plannedScope } from "./scope.ts";
import { chosenSql, insertSql } from "./statements.ts";

/** What each batch of the table sends, as it is sent; `$1` and `$2` are ordinals of the rescue area. */
export async function previewStatements(
  connection: Connection,
  request: MergeTable,
  limits: Limits,
): Promise<readonly string[]> {
  const scope = await plannedScope(connection, request);
  const whole = scope.selfKeys.length > 0;
  return [
    ...(request.triggers === "skip" ? ["set session_replication_role = 'replica'; -- before BEGIN"] : []),
    `set local lock_timeout = '${limits.lockTimeoutMs}ms'`,
    `set local statement_timeout = '${whole ? 0 : limits.statementTimeoutMs}ms'`,
    "set local row_security = off",
    ...(whole ? [`-- ${request.table} refers to itself: one batch, so that a child comes with its parent`] : []),
    chosenSql(scope, whole ? { kind: "together", blocked: new Set([scope.one]) } : { kind: "each" }, "count"),
    insertSql(scope, "all"),
    "set constraints all immediate",
  ];
}
