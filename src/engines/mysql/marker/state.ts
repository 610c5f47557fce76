import type { Marker } from "../../marker.ts";
import type { Connection, Row } from "../connection.ts";

/** Whether the marker table is there, can be made, or neither, and why. Reads the catalogue alone. */
export async function markerState(session: Connection): Promise<Awaited<ReturnType<Marker["state"]>>> {
  const row = await session.row("looking for the marker table", sql);
  const why = closed(row) ?? strange(row);
  if (why !== null) return { kind: "barred", why };
  return { kind: row.tables === "2" ? "present" : "absent" };
}

const ours = "TABLE_SCHEMA = 'holdfast' AND TABLE_NAME IN ('effect', 'installation')";
const sql = `SELECT @@read_only AS closed,
  (SELECT COUNT(*) FROM information_schema.TABLES WHERE ${ours}) AS tables,
  (SELECT COUNT(*) FROM information_schema.TABLES WHERE ${ours} AND (TABLE_TYPE <> 'BASE TABLE' OR ENGINE <> 'InnoDB')) AS strange,
  (SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = 'holdfast'
    AND EVENT_OBJECT_TABLE IN ('effect', 'installation')) AS triggers,
  (SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'holdfast' AND TABLE_NAME = 'effect' AND COLUMN_NAME IN
    ('run_id', 'step_key', 'plan_hash', 'intent_hash', 'at', 'cursor_text', 'result_text', 'done')) AS \`columns\``;

function closed({ closed: isClosed }: Row): string | null {
  return isClosed === "0"
    ? null
    : "This server is read-only: a marker written here would be its own, and not the primary's.";
}

/** Found before anything there is read or written: a view or a trigger would do something else in our name. */
function strange({ tables, strange: odd, triggers, columns }: Row): string | null {
  if (odd !== "0" || triggers !== "0")
    return "What is called holdfast.effect or holdfast.installation is no plain InnoDB table, or has triggers: look who made it, and move it out of the way.";
  if (tables === "0" || columns === "8") return null;
  return tables === "1" && columns === "0"
    ? null
    : "holdfast.effect is not the table that this version makes: look who made it, and move it out of the way.";
}
