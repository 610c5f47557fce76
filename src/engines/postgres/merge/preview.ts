import type { Limits } from "../../engine.ts";
import type { MergeTable } from "../../merge.ts";
import type { Connection } from "../connection.ts";
import { isKeyed } from "../rescue-area/comparison.ts";
import { decidedStatements } from "./decided.ts";
import { isWhole, plannedScope } from "./scope.ts";
import { chosenSql, equalRowsSql, insertSql } from "./statements.ts";

/** What each batch of the table sends, as it is sent; `$1` and `$2` are ordinals of the rescue area. */
export async function previewStatements(
  connection: Connection,
  request: MergeTable,
  limits: Limits,
): Promise<readonly string[]> {
  const scope = await plannedScope(connection, request);
  const [whole, isTree] = [isWhole(scope), scope.selfKeys.length > 0];
  return [
    ...(request.triggers === "skip" ? ["set session_replication_role = 'replica'; -- before BEGIN"] : []),
    `set local lock_timeout = '${limits.lockTimeoutMs}ms'`,
    `set local statement_timeout = '${whole ? 0 : limits.statementTimeoutMs}ms'`,
    "set local row_security = off",
    ...(isKeyed(scope.one)
      ? []
      : [`-- ${request.table} has no key: one batch, so that it can weigh what is there now`, ...equalRowsSql(scope)]),
    ...(isTree ? [`-- ${request.table} refers to itself: one batch, so that a child comes with its parent`] : []),
    chosenSql(scope, isTree ? { kind: "together", blocked: new Set([scope.one]) } : { kind: "each" }, "count"),
    insertSql(scope, "all"),
    ...(isKeyed(scope.one) ? decidedStatements(scope.one, request.decided ?? [], request.triggers === "skip") : []),
    "set constraints all immediate",
  ];
}
