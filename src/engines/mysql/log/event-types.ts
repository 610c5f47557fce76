/**
 * What an event of the binary log is, by its number (MySQL: `mysql::binlog::event::Log_event_type`; MariaDB: `Log_event_type` in
 * log_event.h; the two agree below 42, and MariaDB's own begin at 160).
 */
export const eventTypes = {
  2: "query",
  3: "stop",
  4: "rotate",
  5: "variable",
  13: "variable",
  14: "variable",
  15: "format",
  16: "commit",
  19: "table-map",
  23: "rows",
  24: "rows",
  25: "rows",
  26: "incident",
  27: "heartbeat",
  29: "statement-text",
  30: "rows",
  31: "rows",
  32: "rows",
  33: "gtid",
  34: "gtid",
  35: "bookkeeping",
  36: "bookkeeping",
  37: "bookkeeping",
  38: "xa-prepare",
  39: "partial-update",
  40: "compressed-transaction",
  41: "heartbeat",
  42: "gtid",
  160: "statement-text",
  161: "bookkeeping",
  162: "gtid",
  163: "bookkeeping",
  164: "encryption",
  165: "compressed-query",
  166: "compressed-rows",
  167: "compressed-rows",
  168: "compressed-rows",
  169: "compressed-rows",
  170: "compressed-rows",
  171: "compressed-rows",
} as const;

export type EventKind = (typeof eventTypes)[keyof typeof eventTypes] | "unknown";

export function kindOf(type: number): EventKind {
  return (eventTypes as Readonly<Record<number, EventKind>>)[type] ?? "unknown";
}

export type RowsKind = "insert" | "update" | "delete";

/** Of an event of rows: what it does, and in which of its two forms (the second carries extra data before its columns). */
export function rowsKindOf(type: number): { readonly kind: RowsKind; readonly form: 1 | 2 } {
  const plain = type >= 169 ? type - 139 : type >= 166 ? type - 143 : type;
  const form = plain >= 30 ? 2 : 1;
  const kinds = ["insert", "update", "delete"] as const;
  const kind = kinds[plain - (form === 2 ? 30 : 23)];
  if (kind === undefined) throw new Error(`no event of rows: ${type}`);
  return { kind, form };
}
