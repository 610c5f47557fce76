import { z } from "zod";
import { environments } from "../core/effect.ts";
import { checkDatabaseName } from "../core/patterns.ts";
import { durationForm, readDuration, readSize, sizeForm } from "./units.ts";

const name = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,62}$/, "a target's name: small letters, digits, - and _, a letter first, at most 63");

const path = (what: string) =>
  z
    .string()
    .min(1, what)
    .refine((text) => !text.includes("\0"), what);

const duration = z.string().refine((text) => readDuration(text) !== null, durationForm);

const database = z.string().superRefine((text, context) => {
  const checked = checkDatabaseName(text);
  if (!checked.ok) context.addIssue({ code: "custom", message: `${checked.passes} (${checked.reason})` });
});

export const secretForms =
  "env:NAME, file:PATH or { command: [program, argument] }: where the URL is kept, not the URL itself";

const secret = z.union(
  [
    z.string().regex(/^(env:[A-Za-z_][A-Za-z0-9_]*|file:[^\0]+|postgres(ql)?:\/\/.+)$/, secretForms),
    z.strictObject({ command: z.array(z.string()).min(1) }),
  ],
  { error: secretForms },
);

const restoreCommand = z
  .array(z.string())
  .min(1)
  .refine((argv) => argv.some((word) => word.includes("%f")) && argv.some((word) => word.includes("%p")), {
    error: "a program and its arguments, among them %f (the WAL file's name) and %p (where to put it)",
  });

const backup = z
  .strictObject({
    base: path("the folder of a base backup")
      .optional()
      .describe(
        "A base backup: a copy of the data folder with its backup_label, or a folder with base.tar[.gz] in it.",
      ),
    archive: path("the folder of the archived WAL files").optional(),
    command: restoreCommand
      .optional()
      .describe("In place of an archive folder: a program that puts the WAL file %f at %p. Run without a shell."),
    dump: path("a dump by pg_dump")
      .optional()
      .describe("The last resort: a dump by pg_dump in custom or directory format (-Fc, -Fd), taken before."),
  })
  .refine(({ base, archive, command, dump }) => hasLog(archive, command) || isDumpAlone(base, archive, command, dump), {
    error: "either archive: a folder of WAL files, or command: a program that fetches one",
  })
  .refine(({ base, archive, command }) => base !== undefined || (archive === undefined && command === undefined), {
    error: "base: the base backup that the WAL files go with",
  });

function hasLog(archive: unknown, command: unknown): boolean {
  return (archive === undefined) !== (command === undefined);
}

function isDumpAlone(base: unknown, archive: unknown, command: unknown, dump: unknown): boolean {
  return dump !== undefined && base === undefined && archive === undefined && command === undefined;
}

const target = z.strictObject({
  engine: z.literal("postgres").describe("What kind of server it is."),
  url: secret.describe("Where the connection URL is kept: env:NAME, file:PATH or { command: [program, argument] }."),
  environment: z.enum(environments).describe("Nothing defaults to production: say what it is."),
  database: database.optional().describe("Taken from the URL when left out."),
  tier: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, "a tier: small letters, digits and -")
    .optional()
    .describe("critical, standard, archival, or one of your own."),
  tables: z
    .array(z.string().min(1, "a table's name").max(300, "a table's name"))
    .min(1, "at least one table, or none of this")
    .optional()
    .describe("The tables that holdfast doctor looks at, as schema.table; else the largest."),
  backup: backup
    .optional()
    .describe(
      "Where a point-in-time clone is made from: a base backup and the WAL since; and a dump, as the last resort.",
    ),
});

const limits = z.strictObject({
  batchRows: z.int().min(1, "1 to 1,000,000 rows").max(1_000_000, "1 to 1,000,000 rows").optional(),
  mergeSessions: z
    .int()
    .min(1, "1 to 16 sessions")
    .max(16, "1 to 16 sessions")
    .optional()
    .describe("Sessions in which a large table may be merged side by side; 1 is gentler on a busy server."),
  lockTimeout: duration.optional().describe("How long a batch may wait for a lock, for example 2s."),
  statementTimeout: duration.optional().describe("How long one batch may take, for example 60s."),
  heldWal: z
    .string()
    .refine((text) => readSize(text) !== null, sizeForm)
    .optional()
    .describe("Most WAL that a pin may keep from being removed, for example 10GB."),
  minFreeDisk: z.number().min(0, "a share from 0 to 1").max(1, "a share from 0 to 1").optional(),
});

/** The shape of holdfast.yaml. Closed: a key that is not here is a fault. */
export const configSchema = z.strictObject({
  targets: z.record(name, target).describe("The databases that Holdfast may work on."),
  scratch: z
    .strictObject({
      folder: path("a folder for throw-away servers").optional(),
      servers: z
        .record(
          z.string().regex(/^[1-9][0-9]{0,2}$/, "a major version, for example 18"),
          path("the folder of its programs"),
        )
        .optional()
        .describe("Server programs by major version; others are looked for in the usual places."),
    })
    .optional(),
  limits: limits.optional(),
  tickets: z.enum(["none", "optional", "required"]).optional(),
  stopFile: path("a file").optional().describe("No step begins while this file is there."),
  journal: path("a folder").optional().describe("Where the journal is kept."),
});

export type ConfigFile = z.infer<typeof configSchema>;
