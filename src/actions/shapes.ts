import { z, type ZodType } from "zod";
import { conflictKinds } from "../engines/rescue-area.ts";

/** What actions hand to each other through the journal: the contracts' types once more, as shapes that are checked when they come back. */
const list = <T extends ZodType>(item: T) => z.array(item).readonly();
const amount = z.number().int().min(0);

export const tableShape = z.string().min(1);
export const tablesShape = list(tableShape);

const findingShape = z.object({
  level: z.enum(["ok", "note", "warn", "stop"]),
  text: z.string(),
  hint: z.exactOptional(z.string()),
  until: z.exactOptional(z.literal("written")),
});

export const statementShape = z.object({
  value: z.string().min(1),
  kind: z.enum(["one", "group", "open", "prepared", "rewrite", "drop", "missing"]),
  values: z.exactOptional(z.literal(true)),
  transactions: list(z.string()),
  subtransactions: list(z.string()),
  parents: z.exactOptional(list(z.string())),
  positions: z.exactOptional(list(z.string())),
  at: z.string().nullable(),
  until: z.string().nullable(),
  rows: amount,
  most: z.exactOptional(amount),
  tables: list(z.object({ table: tableShape, rows: amount, most: z.exactOptional(amount) })),
  doubts: list(z.string()),
  uncounted: z.exactOptional(z.string()),
  who: z.string().nullable(),
});

export const searchShape = z.object({
  table: tableShape,
  tables: tablesShape,
  statements: list(statementShape),
  oldest: z.string().nullable(),
  pruned: amount,
  pagesRead: amount,
  findings: list(findingShape),
  hasBackup: z.exactOptional(z.boolean()),
});

export const pathShape = z.object({
  path: z.string().min(1),
  label: z.string(),
  feasible: z.boolean(),
  why: z.string(),
  opensWith: z.exactOptional(z.string()),
  takesMs: z.number().nullable(),
  rows: z.number().nullable(),
  loses: z.string(),
  needs: list(z.string()),
  rescues: z.boolean(),
  recommended: z.boolean(),
});

/** A chosen path: the option, the statement it is for, and whether it ends something instead of rescuing. */
export const chosenPathShape = z.object({ ...pathShape.shape, statement: z.string(), ends: z.boolean() });

/** What was decided about a clone beside a faster way; `path`: the clone's, where one can be made. */
export const besideShape = z.object({ starts: z.boolean(), path: z.exactOptional(chosenPathShape) });

export const rescuedTableShape = z.object({
  table: tableShape,
  columns: list(z.string()),
  rows: amount,
  updated: amount,
  moved: amount,
  own: amount,
  unknown: amount,
  lost: z.exactOptional(amount),
  older: z.exactOptional(amount),
  from: z.exactOptional(z.record(z.string(), amount)),
  values: z.exactOptional(z.object({ file: z.string(), makers: list(z.string()) })),
  /** Of the text as it was stored; null in a dry run, where nothing was. */
  bytes: amount.nullable(),
  digest: z.string().nullable(),
});

export const rescueShape = z.object({
  area: z.string(),
  tables: list(rescuedTableShape),
  rows: amount,
  /** Rows that the statement is known to have taken and that are not among these; older versions of a row are none. */
  short: z.exactOptional(amount),
  uncounted: z.exactOptional(z.string()),
});

const checkedTableShape = z.object({
  table: tableShape,
  rows: amount,
  missing: amount,
  identical: amount,
  remade: amount,
  removedSince: amount,
  otherUnique: amount,
  orphans: amount,
  duplicates: amount,
  willInsert: amount,
  values: z.exactOptional(
    z.object({
      willSet: amount,
      changedSince: amount,
      keyChanged: amount,
      gone: amount,
      fixed: z.exactOptional(amount),
    }),
  ),
  findings: list(findingShape),
});

export const checkedShape = z.object({
  tables: list(checkedTableShape),
  willInsert: amount,
  /** Rows that are set back to what they were; absent where rows are inserted. */
  willSet: z.exactOptional(amount),
});

/** Rows of one kind that a merge leaves as they are by itself; `name` and `title` are those of the step that asks about them. */
export const conflictShape = z.object({
  name: z.enum(conflictKinds),
  title: z.string(),
  rows: amount,
  tables: list(z.object({ table: tableShape, rows: amount })),
  /** The key of the step that asked about it; absent before it was asked. */
  asked: z.exactOptional(z.string()),
});

/** With what was checked, for all that comes after; `conflicts` is absent in journals from before they could be decided. */
export const checkedRescueShape = z.object({
  ...checkedShape.shape,
  rescue: rescueShape,
  conflicts: z.exactOptional(list(conflictShape)),
});

/** What was decided, an entry for each kind that was asked about. */
export const decidedShape = list(
  z.object({ item: conflictShape, choice: z.exactOptional(z.object({ write: z.boolean() })) }),
);

export const verifiedTableShape = z.object({
  table: tableShape,
  rescued: amount,
  equal: amount,
  different: amount,
  absent: amount,
  remade: amount,
  findings: list(findingShape),
});

export const triggerModeShape = z.enum(["fire", "skip"]);

export type Conflict = z.infer<typeof conflictShape>;
export type Decided = z.infer<typeof decidedShape>;
export type Statement = z.infer<typeof statementShape>;
export type Search = z.infer<typeof searchShape>;
export type ChosenPath = z.infer<typeof chosenPathShape>;
export type Rescue = z.infer<typeof rescueShape>;
export type RescuedTable = z.infer<typeof rescuedTableShape>;
export type Checked = z.infer<typeof checkedShape>;
export type CheckedRescue = z.infer<typeof checkedRescueShape>;

/** What a merge will write of these tables. */
export function writesOf(tables: Checked["tables"]): Pick<Checked, "willInsert" | "willSet"> {
  const willInsert = tables.reduce((total, table) => total + table.willInsert, 0);
  if (!tables.some(({ values }) => values)) return { willInsert };
  return { willInsert, willSet: tables.reduce((total, { values }) => total + (values?.willSet ?? 0), 0) };
}

/** Its rows are what rows of the tables were before: they are set back, not inserted. */
export function isOfValues({ tables }: Rescue): boolean {
  return tables.some(({ values }) => values !== undefined);
}

/** Of the tables of a rescue, those that hold a row; the others need no statement. */
export function rescuedNames(rescue: Rescue): readonly string[] {
  return rescue.tables.filter((table) => table.rows > 0).map((table) => table.table);
}
