import { z } from "zod";
import type { StepKey } from "../core/ids.ts";
import type { Finding, Written } from "../core/step.ts";
import type { MergeTable } from "../engines/merge.ts";
import type { ConflictKind } from "../engines/rescue-area.ts";
import type { Batch, MarkerRow } from "../engines/marker.ts";
import type { Action, ActionContext, ReadContext } from "./action.ts";
import { type Part, partsOf, sideBySide } from "./merge-parts.ts";
import { decidedKinds, decidedRows, effectsOf, triggersOf } from "./conflicts.ts";
import { mergePreview } from "./merge-preview.ts";
import { sum } from "./say.ts";
import {
  type Checked,
  checkedShape,
  decidedShape,
  isOfValues,
  rescuedNames,
  rescueShape,
  tableShape,
  triggerModeShape,
  writesOf,
} from "./shapes.ts";

const amount = z.number().int().min(0);
const sums = z.object({ inserted: amount, left: amount, batches: amount });
const sequence = z.object({ sequence: z.string(), from: z.string(), to: z.string() });
const merged = z.object({ table: tableShape, ...sums.shape, sequences: z.array(sequence).readonly() });
const params = z.object({
  rescue: rescueShape,
  triggers: triggerModeShape,
  checked: checkedShape.nullish(),
  decided: decidedShape.nullish(),
});
const result = z.object({ tables: z.array(merged).readonly(), inserted: amount, left: amount });
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;
type Merged = z.infer<typeof merged>;
type Sums = z.infer<typeof sums>;

export const mergeRows: Action<Params, Result> = {
  name: "merge-rows",
  summary:
    "Inserts what is missing, or sets back what was changed and not touched since, in small transactions, with the system up",
  effect: "write",
  recovery: ["cursor", "transactional"],
  params,
  result,
  roles: { main: ["merge", "rescueArea", "marker"] },

  /** The step before has looked; the preview, which is confirmed, counts anew. */
  async check(ctx, wanted): Promise<readonly Finding[]> {
    const { tables } = wanted.checked ?? (await checkedOf(ctx, wanted));
    return tables.flatMap(({ findings }) => findings).map((finding) => soften(finding));
  },

  async preview(ctx, wanted) {
    const checked = await checkedOf(ctx, wanted);
    const requests = rescuedNames(wanted.rescue).map((table) => requestFor(ctx, table, wanted));
    const statements = await Promise.all(requests.map((request) => ctx.capability("merge").statements(request)));
    const begun = await ctx.markers();
    const kinds = decidedKinds(wanted.decided);
    return mergePreview(ctx.limits, wanted, {
      checked,
      kinds,
      statements: statements.flat(),
      fired: await firedIn(ctx, wanted, kinds),
      through: (table) => goneThrough(begun, ctx.step, table),
      expects: expected(wanted, checked.tables, kinds),
    });
  },

  async run(ctx, wanted) {
    const tables: Merged[] = [];
    for (const table of await orderOf(ctx, wanted)) {
      const request = requestFor(ctx, table, wanted);
      const batches = await mergeTable(ctx, request, rowsOf(wanted, table), progressOf(wanted, tables));
      tables.push({ table, ...batches, sequences: await moveSequences(ctx, request) });
    }
    return { tables, inserted: sum(tables, (one) => one.inserted), left: sum(tables, (one) => one.left) };
  },

  written({ rescue }, markers, step): Written {
    const found = rescuedNames(rescue).map((table) => ({ table, ...markedSums(markers, step, table) }));
    const rows = sum(found, (one) => one.inserted);
    const tables = found
      .filter(({ inserted }) => inserted > 0)
      .map(({ table, inserted }) => ({ table, rows: inserted }));
    return { rows, done: rows + sum(found, (one) => one.left), total: rescue.rows, unit: "rows", tables };
  },

  undo: { words: "DELETE by the keys of the safety copy, or UPDATE to its values" },
};

/** Rows that are set back have their parents; what is inserted needs them first. */
function orderOf(ctx: ActionContext, { rescue, triggers }: Params): Promise<readonly string[]> {
  const names = rescuedNames(rescue);
  return isOfValues(rescue) ? Promise.resolve(names) : ctx.capability("merge").order(names, triggers);
}

/** What the markers of a table, or of its parts, have summed up. */
function markedSums(markers: readonly MarkerRow[], step: StepKey, table: string): Sums {
  const whole = `${step}:${table}`;
  return markers
    .filter(({ key }) => key === whole || key.startsWith(`${whole}/part-`))
    .flatMap(({ result: kept }) => sums.safeParse(kept).data ?? [])
    .reduce(together, none);
}

function goneThrough(markers: readonly MarkerRow[], step: StepKey, table: string): number {
  const { inserted, left } = markedSums(markers, step, table);
  return inserted + left;
}

type Tell = (ctx: ActionContext, soFar: Sums, table: string) => void;

function progressOf({ rescue }: Params, before: readonly Merged[]): Tell {
  const earlier = sum(before, (one) => one.inserted + one.left);
  return (ctx, { inserted, left }, table) =>
    ctx.progress({ done: earlier + inserted + left, total: rescue.rows, unit: "rows", note: table });
}

/** A large table is merged in parts side by side, each with a marker of its own. */
async function mergeTable(ctx: ActionContext, request: MergeTable, rows: number, tell: Tell): Promise<Sums> {
  const parts = await partsOf(ctx, request, rows);
  const sumsSoFar: Sums[] = parts.map(() => none);
  const told = (nth: number, soFar: Sums) => {
    sumsSoFar[nth] = soFar;
    tell(ctx, sumsSoFar.reduce(together), request.table);
  };
  const merged = await sideBySide(parts, (part, broken) =>
    mergePart(ctx, request, part, broken, (soFar) => told(parts.indexOf(part), soFar)),
  );
  return merged.reduce(together);
}

/** Progress tells what is committed: the sums that came back from the marker, never those of the batch in the air. */
async function mergePart(
  ctx: ActionContext,
  request: MergeTable,
  { item, after, upTo }: Part,
  broken: AbortSignal,
  told: (soFar: Sums) => void,
): Promise<Sums> {
  const merge = ctx.capability("merge");
  const part = upTo === null ? request : { ...request, upTo };
  const last = await ctx.batches(
    item,
    async (tx, before): Promise<Batch> => {
      broken.throwIfAborted();
      told(sumsOf(before));
      const done = await merge.batch(tx, part, ordinalOf(before) ?? after, ctx.limits.batchRows);
      return { cursor: done.upTo, done: done.done, result: added(sumsOf(before), done) };
    },
    merge.prepare(request.triggers),
  );
  told(sumsOf(last));
  return sumsOf(last);
}

const none: Sums = { inserted: 0, left: 0, batches: 0 };

function sumsOf(batch: Batch | null): Sums {
  return batch === null ? none : sums.parse(batch.result);
}

function ordinalOf(batch: Batch | null): number | null {
  return batch === null ? null : z.number().parse(batch.cursor);
}

function together(a: Sums, b: Sums): Sums {
  return { inserted: a.inserted + b.inserted, left: a.left + b.left, batches: a.batches + b.batches };
}

function added(soFar: Sums, batch: { readonly inserted: number; readonly left: number }): Sums {
  return {
    inserted: soFar.inserted + batch.inserted,
    left: soFar.left + batch.left,
    batches: soFar.batches + 1,
  };
}

async function moveSequences(ctx: ActionContext, request: MergeTable): Promise<Merged["sequences"]> {
  const merge = ctx.capability("merge");
  return ctx.once(`${request.table}/sequences`, async (tx) =>
    (await merge.sequences(tx, request)).map(({ sequence: name, from, to }) => ({ sequence: name, from, to })),
  );
}

/** Counted anew each time: what was checked a step ago is not what a confirmation may rest on. A dry run has only what was expected. */
async function checkedOf(ctx: ReadContext, { checked, rescue, decided }: Params): Promise<Checked> {
  if (ctx.dryRun && checked) return checked;
  const tables = await ctx.capability("rescueArea").check(ctx.run, rescuedNames(rescue), ctx, decidedKinds(decided));
  return { tables, ...writesOf(tables) };
}

function rowsOf({ rescue }: Params, table: string): number {
  return rescue.tables.find((one) => one.table === table)?.rows ?? 0;
}

function requestFor(ctx: ReadContext, table: string, { rescue, triggers, decided }: Params): MergeTable {
  const kinds = decidedKinds(decided);
  return {
    run: ctx.run,
    table,
    triggers,
    ...(isOfValues(rescue) ? { values: true as const } : {}),
    ...(kinds.length > 0 ? { decided: kinds } : {}),
  };
}

/** A row in conflict stays out and is counted; it is no reason to keep all others from coming back. */
function soften(finding: Finding): Finding {
  return finding.level === "stop" ? { ...finding, level: "warn" } : finding;
}

/** How many triggers of the user would fire: what is not there is not warned of. */
async function firedIn(
  ctx: ReadContext,
  { rescue, triggers }: Params,
  kinds: readonly ConflictKind[],
): Promise<number> {
  if (triggers === "skip") return 0;
  return (await triggersOf(ctx.capability("merge"), rescuedNames(rescue), effectsOf(rescue, kinds))).length;
}

function expected({ rescue }: Params, tables: Checked["tables"], kinds: readonly ConflictKind[]): Result {
  const perTable = rescuedNames(rescue).map((table): Merged => {
    const found = tables.find((one) => one.table === table);
    const { overwritten, again } = decidedRows(found ? [found] : [], kinds);
    const inserted = (found?.values?.willSet ?? found?.willInsert ?? 0) + overwritten + again;
    return { table, inserted, left: (found?.rows ?? 0) - inserted, batches: 0, sequences: [] };
  });
  return { tables: perTable, inserted: sum(perTable, (one) => one.inserted), left: sum(perTable, (one) => one.left) };
}
