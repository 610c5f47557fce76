import { z } from "zod";
import { environments } from "./effect.ts";

/** One thing to do that opens what is closed. `text` is exact: SQL, a line of holdfast.yaml, a package, or a command on a machine. */
export const changeShape = z.strictObject({
  kind: z.enum(["sql", "config", "package", "command"]),
  text: z.string(),
  /** It counts only after the server was restarted. */
  restart: z.boolean(),
  /** What is lost already is not helped by it. */
  fromNowOn: z.boolean(),
});

/** One recovery path, were there a bad DELETE in the table now. */
export const readyPathShape = z.strictObject({
  path: z.string(),
  label: z.string(),
  open: z.boolean(),
  /** Why it is closed, in the words that the survey has for it; or what makes it open. */
  why: z.string(),
  /** What has to stay so for it to stay open; null where it is closed. */
  holds: z.string().nullable(),
  /** About how long, were every row lost; null where it is closed or nobody can tell. */
  takesMs: z.number().nullable(),
  loses: z.string(),
  /** In words; null where it is open. */
  opensWith: z.string().nullable(),
  /** The same as it is typed, all of it together; empty where it is open, or nothing that could be typed is known. */
  changes: z.array(changeShape).readonly(),
});

export const readyTableShape = z.strictObject({
  table: z.string(),
  /** From statistics: about. */
  rows: z.number(),
  bytes: z.number(),
  /** Tables that lose rows with it, by foreign keys or as its partitions. */
  with: z.array(z.string()).readonly(),
  open: z.boolean(),
  /** Why nothing could be found out of it (there is no such table); null where it was looked at. */
  unknown: z.string().nullable(),
  paths: z.array(readyPathShape).readonly(),
});

/** A setting of the server, or a right of the role, that decides what can be brought back. */
export const readySettingShape = z.strictObject({
  name: z.string(),
  value: z.string(),
  level: z.enum(["ok", "note", "warn", "stop"]),
  words: z.string(),
  change: changeShape.nullable(),
});

export const readyServerShape = z.strictObject({
  /** As the server says it: `127.0.0.1:5432, PostgreSQL 18.4, primary`. */
  server: z.string(),
  database: z.string(),
  role: z.string(),
  settings: z.array(readySettingShape).readonly(),
  tables: z.array(readyTableShape).readonly(),
});

/** What doctor says of one target; one line of its JSON. */
export const readyTargetShape = z.strictObject({
  target: z.string(),
  engine: z.string(),
  environment: z.enum(environments),
  /** RFC 3339. */
  at: z.string(),
  /** Every table has an open path. */
  ready: z.boolean(),
  /** Null where it could not be looked at. */
  found: readyServerShape.nullable(),
  /** Why not; null where it could. */
  fault: z
    .strictObject({ code: z.string(), message: z.string(), exit: z.string(), hint: z.string().nullable() })
    .nullable(),
});

export type Change = z.infer<typeof changeShape>;
export type ReadyPath = z.infer<typeof readyPathShape>;
export type ReadyTable = z.infer<typeof readyTableShape>;
export type ReadySetting = z.infer<typeof readySettingShape>;
export type ReadyServer = z.infer<typeof readyServerShape>;
export type ReadyTarget = z.infer<typeof readyTargetShape>;
