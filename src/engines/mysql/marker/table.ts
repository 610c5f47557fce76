import type { Json } from "../../../core/json.ts";
import type { MarkerRow } from "../../marker.ts";
import type { Row } from "../connection.ts";

/** Keys are bytes: a collation would take `merge:shop.Order` for `merge:shop.order`. */
const effectTable = `
  CREATE TABLE IF NOT EXISTS holdfast.effect (
    run_id VARBINARY(36) NOT NULL,
    step_key VARBINARY(600) NOT NULL,
    plan_hash VARBINARY(64) NOT NULL,
    intent_hash VARBINARY(64) NOT NULL,
    at DATETIME(6) NOT NULL,
    cursor_text LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    result_text LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
    done TINYINT NOT NULL,
    PRIMARY KEY (run_id, step_key)
  ) ENGINE = InnoDB COMMENT = 'Made by Holdfast: proofs of the effects of its runs. Permanent.'`;

const installationTable = `
  CREATE TABLE IF NOT EXISTS holdfast.installation (
    only_one TINYINT NOT NULL PRIMARY KEY,
    id CHAR(36) CHARACTER SET ascii NOT NULL,
    made DATETIME(6) NOT NULL
  ) ENGINE = InnoDB COMMENT = 'Made by Holdfast: tells this server from a copy of it. Permanent.'`;

/** Each commits by itself, and all of them may be run again. */
export const markerDdl: readonly string[] = ["CREATE DATABASE IF NOT EXISTS holdfast", effectTable, installationTable];

/** The row that is there first stays. */
export const installationRowSql = `INSERT INTO holdfast.installation (only_one, id, made)
  SELECT 1, UUID(), UTC_TIMESTAMP(6) FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM holdfast.installation)`;

export const markerColumns = `CONVERT(step_key USING utf8mb4) AS step_key, CONVERT(plan_hash USING ascii) AS plan_hash,
  CONVERT(intent_hash USING ascii) AS intent_hash, cursor_text, result_text, done,
  DATE_FORMAT(at, '%Y-%m-%dT%H:%i:%s.%fZ') AS at`;

export function markerRow(row: Row): MarkerRow {
  return {
    key: row.step_key ?? "",
    planDigest: row.plan_hash ?? "",
    intentDigest: row.intent_hash ?? "",
    cursor: json(row.cursor_text),
    result: json(row.result_text),
    done: row.done === "1",
    at: row.at ?? "",
  };
}

function json(text: string | null | undefined): Json {
  return text == null ? null : (JSON.parse(text) as Json);
}
