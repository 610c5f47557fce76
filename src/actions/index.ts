import type { Action } from "./action.ts";
import { cancelOpenTransaction } from "./cancel-open-transaction.ts";
import { checkRescuedRows } from "./check-rescued-rows.ts";
import { copyTable } from "./copy-table.ts";
import { decideConflict } from "./decide-conflict.ts";
import { findBadStatement } from "./find-bad-statement.ts";
import { freezeEvidence } from "./freeze-evidence.ts";
import { listTriggers } from "./list-triggers.ts";
import { mergeRows } from "./merge-rows.ts";
import { offerCloneBeside } from "./offer-clone-beside.ts";
import { offerKeep } from "./offer-keep.ts";
import { prepareTarget } from "./prepare-target.ts";
import { releaseLeases } from "./release-leases.ts";
import { rescueRest } from "./rescue-rest.ts";
import { rescueRows } from "./rescue-rows.ts";
import { startClone } from "./start-clone.ts";
import { surveyRecoveryPaths } from "./survey-recovery-paths.ts";
import { verifyMerge } from "./verify-merge.ts";

/** Every action that a runbook may name. */
export const actions: readonly Action[] = [
  freezeEvidence,
  findBadStatement,
  surveyRecoveryPaths,
  offerCloneBeside,
  cancelOpenTransaction,
  prepareTarget,
  startClone,
  rescueRows,
  rescueRest,
  checkRescuedRows,
  decideConflict,
  listTriggers,
  copyTable,
  mergeRows,
  verifyMerge,
  offerKeep,
  releaseLeases,
];
