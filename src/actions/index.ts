import type { Action } from "./action.ts";
import { cancelOpenTransaction } from "./cancel-open-transaction.ts";
import { checkRescuedRows } from "./check-rescued-rows.ts";
import { copyTable } from "./copy-table.ts";
import { findBadStatement } from "./find-bad-statement.ts";
import { freezeEvidence } from "./freeze-evidence.ts";
import { listTriggers } from "./list-triggers.ts";
import { mergeRows } from "./merge-rows.ts";
import { offerKeep } from "./offer-keep.ts";
import { prepareTarget } from "./prepare-target.ts";
import { releaseLeases } from "./release-leases.ts";
import { rescueRows } from "./rescue-rows.ts";
import { surveyRecoveryPaths } from "./survey-recovery-paths.ts";
import { verifyMerge } from "./verify-merge.ts";

/** Every action that a runbook may name. */
export const actions: readonly Action[] = [
  freezeEvidence,
  findBadStatement,
  surveyRecoveryPaths,
  cancelOpenTransaction,
  prepareTarget,
  rescueRows,
  checkRescuedRows,
  listTriggers,
  copyTable,
  mergeRows,
  verifyMerge,
  offerKeep,
  releaseLeases,
];
