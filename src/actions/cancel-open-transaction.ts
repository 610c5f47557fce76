import { z } from "zod";
import { utc } from "../core/clock.ts";
import { Fault } from "../core/errors.ts";
import type { Fate } from "../engines/evidence.ts";
import type { Action, ReadContext } from "./action.ts";
import { about, perTable, some } from "./say.ts";
import { chosenPathShape, type Statement, statementShape } from "./shapes.ts";

const params = z.object({ statement: statementShape, path: chosenPathShape });
const result = z.object({ ended: z.string(), rows: z.number().int().min(0) });
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

export const cancelOpenTransaction: Action<Params, Result> = {
  name: "cancel-open-transaction",
  summary: "Ends a transaction that is still open, so that the rows it took come back by themselves",
  effect: "write",
  recovery: ["probe"],
  params,
  result,
  roles: { main: ["evidence"] },

  async check(ctx, { statement }) {
    const fate = await fateOf(ctx, statement);
    if (fate === "open") return [{ level: "ok", text: "the transaction is still open" }];
    return [
      {
        level: "stop",
        text: `the transaction is no longer open: ${ends[fate]}`,
        hint: "Give this run up and start again: where it committed, its rows are found as deleted rows.",
      },
    ];
  },

  async preview(ctx, { statement }) {
    return {
      summary: `End another session's transaction; ${some(statement.rows, "row")} come back with it`,
      lines: [
        `transaction: ${statement.value}`,
        `whose: ${statement.who ?? "the server does not say"}`,
        `age: ${age(ctx, statement.at)}`,
        `rows it has taken: ${perTable(statement.tables)}`,
        "Everything else that this transaction did is undone too, and its client gets an error.",
      ],
      counts: { transactions: 1 },
      undo: "There is none: the transaction's client has to do its work again.",
    };
  },

  async run(ctx, { statement }) {
    const { ended } = await ctx.capability("evidence").cancel(statement);
    return { ended, rows: statement.rows };
  },

  /** One that committed was not ended by anybody: going on then meets the check, which stops. */
  async probe(ctx, { statement }) {
    const fate = await fateOf(ctx, statement);
    if (fate === "open") return { finding: "absent", evidence: ["the transaction is still open"] };
    const ended = `${statement.value} is no longer open: ${ends[fate]}`;
    if (fate === "aborted") return { finding: "done", evidence: [ended], result: { ended, rows: statement.rows } };
    return { finding: fate === "committed" ? "absent" : "undecided", evidence: [ended] };
  },

  async verify(ctx, { statement }) {
    const fate = await fateOf(ctx, statement);
    if (fate === "aborted") return [{ level: "ok", text: `the transaction is gone: ${ends[fate]}` }];
    if (fate !== "open") return [{ level: "stop", text: `the rows are not proved to be back: ${ends[fate]}` }];
    throw new Fault("HF-CANCEL-STILL-OPEN", "The transaction was asked to end and is still open.", {
      hint: "It may be rolling back: `holdfast resume` looks again.",
    });
  },

  undo: { irreversible: "a transaction that was ended has to be done again by its client" },
};

const ends: Readonly<Record<Exclude<Fate, "open">, string>> = {
  aborted: "it was rolled back, and its rows with it",
  committed: "it committed",
  unknown: "the server no longer knows how it ended",
};

function fateOf(ctx: ReadContext, statement: Statement): Promise<Fate> {
  return ctx.capability("evidence").fate(statement);
}

function age(ctx: ReadContext, at: string | null): string {
  const since = at === null ? Number.NaN : Date.parse(at);
  return Number.isNaN(since) ? "not known" : `open since ${utc(since)}, ${about(ctx.clock.now() - since)}`;
}
