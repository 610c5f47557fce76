import { z } from "zod";
import { Fault } from "../core/errors.ts";
import type { LeaseState } from "../core/run-state.ts";
import type { Finding } from "../core/step.ts";
import type { HoldPart } from "../engines/engine.ts";
import type { Action, ActionContext, Probed, ReadContext } from "./action.ts";
import { tableShape, tablesShape } from "./shapes.ts";
import { some } from "./say.ts";

const params = z.object({ table: tableShape, lockTable: z.boolean().nullish() });
const result = z.object({ table: tableShape, tables: tablesShape, leases: z.number().int().min(0) });
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

export const freezeEvidence: Action<Params, Result> = {
  name: "freeze-evidence",
  summary: "Keeps the deleted rows on disk, for the table and what its foreign keys reach, before anything looks",
  effect: "hold",
  recovery: ["probe"],
  params,
  result,
  roles: { main: ["evidence", "inspect"] },

  async check(ctx, { table }) {
    const { findings } = await ctx.capability("evidence").examine(table);
    return [...findings, ...(await ctx.capability("inspect").survey())];
  },

  async preview(ctx, wanted) {
    const { table, tables, holders = [] } = await ctx.capability("evidence").examine(wanted.table);
    const parts = await partsOf(ctx, wanted);
    const names = tables.map((fact) => fact.table);
    return {
      summary: `Hold the evidence of ${some(names.length, "table")}; no row is read or changed`,
      lines: [...holderLines(holders), ...tables.map((fact) => `${fact.table}: ${fact.why}`), ...holdLines(parts)],
      statements: parts.map(({ lease }) => `${lease.name}, given back by hand: ${lease.byHand}`),
      counts: { tables: names.length, leases: parts.length },
      undo: "Every lease is given back at the end of the run, or by hand as listed.",
      expects: { table, tables: names, leases: 0 },
    };
  },

  async run(ctx, wanted) {
    const leases = await takeAll(ctx, await partsOf(ctx, wanted));
    refuseUnheld(await ctx.capability("evidence").held(leases));
    const { table, tables } = await ctx.capability("evidence").examine(wanted.table);
    return { table, tables: tables.map((fact) => fact.table), leases: leases.length };
  },

  async probe(ctx, wanted): Promise<Probed> {
    const parts = await partsOf(ctx, wanted);
    const there = await Promise.all(parts.map((part) => isHeld(ctx, part)));
    const held = there.filter(Boolean).length;
    const evidence = [`${held} of ${parts.length} leases of the freeze are in place`];
    if (held < parts.length) return { finding: held === 0 ? "absent" : "partial", evidence };
    const { table, tables } = await ctx.capability("evidence").examine(wanted.table);
    const again: Result = { table, tables: tables.map((fact) => fact.table), leases: parts.length };
    return { finding: "done", evidence, result: again };
  },

  async verify(ctx) {
    return ctx.capability("evidence").held(ctx.leases());
  },

  undo: { words: "give the leases back" },
};

function partsOf(ctx: ReadContext, { table, lockTable }: Params): Promise<readonly HoldPart[]> {
  return ctx.capability("evidence").freeze(table, { run: ctx.run, lockTable: lockTable ?? false });
}

const mostHolders = 3;

/** Named before all else: ending that session is the first thing that somebody in a hurry would do. */
function holderLines(holders: readonly string[]): readonly string[] {
  const others = holders.length - mostHolders;
  return [
    ...holders
      .slice(0, mostHolders)
      .map((holder) => `DO NOT END the ${holder}, until the hold stands: it keeps the rows now.`),
    ...(others > 0 ? [`Nor ${some(others, "other")} that the check names.`] : []),
  ];
}

/** Somebody in a hurry reads this: one entry for each kind of hold, its words and its cost. */
function holdLines(parts: readonly HoldPart[]): readonly string[] {
  const kinds = [...new Set(parts.map(({ lease }) => lease.kind))];
  return kinds.flatMap((kind) => {
    const [first, ...others] = parts.filter(({ lease }) => lease.kind === kind);
    if (first === undefined) return [];
    const more = others.length > 0 ? ` (also ${others.map(({ lease }) => lease.name).join(", ")})` : "";
    const { words, costs } = first.lease;
    return [`- ${words}${more}`, ...(costs === undefined ? [] : [`  cost: ${costs}`])];
  });
}

/** One after the other: the first keeps the rows, and nothing may come before it. */
async function takeAll(ctx: ActionContext, parts: readonly HoldPart[]): Promise<readonly LeaseState[]> {
  const taken: LeaseState[] = [];
  for (const part of parts) taken.push(await ctx.lease(part));
  return taken;
}

function refuseUnheld(findings: readonly Finding[]): void {
  const lost = findings.filter((finding) => finding.level === "stop");
  if (lost.length === 0) return;
  throw new Fault("HF-FREEZE-NOT-HELD", `The evidence is not held: ${lost.map((one) => one.text).join("; ")}.`, {
    still: "No row was read or changed. What was taken so far is listed among the leases.",
    hint: "Retry at once: every minute of traffic removes rows. Keep other sessions away from the table meanwhile.",
  });
}

/** A lease that was only intended counts as missing, so that taking it again journals what is there. */
async function isHeld(ctx: ReadContext, { lease }: HoldPart): Promise<boolean> {
  const own = ctx.leases().find((one) => one.lease.kind === lease.kind && one.lease.name === lease.name);
  if (own === undefined || own.status === "intended") return false;
  const findings = await ctx.capability("evidence").held([own]);
  return findings.every((finding) => finding.level !== "stop");
}
