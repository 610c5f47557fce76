import { z } from "zod";
import { Fault } from "../core/errors.ts";
import type { Choice } from "../core/step.ts";
import type { ClosedModes } from "../engines/merge.ts";
import type { Action } from "./action.ts";
import { decidedKinds, effectsOf, triggersOf } from "./conflicts.ts";
import { some } from "./say.ts";
import { decidedShape, rescuedNames, rescueShape, tableShape } from "./shapes.ts";

const trigger = z.object({ table: tableShape, name: z.string(), words: z.string() });
const params = z.object({ rescue: rescueShape, decided: decidedShape.nullish() });
const closed = z.object({ fire: z.exactOptional(z.string()), skip: z.exactOptional(z.string()) });
/** `effect` is absent in journals from before values could be set back, `closed` from before it was asked. */
const result = z.object({
  triggers: z.array(trigger).readonly(),
  effect: z.exactOptional(z.enum(["insert", "update", "insert or update"])),
  closed: z.exactOptional(closed),
});
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

export const listTriggers: Action<Params, Result> = {
  name: "list-triggers",
  summary: "Lists the triggers that putting the rows back would fire, and asks what to do with them",
  effect: "read",
  recovery: ["idempotent"],
  params,
  result,
  roles: { main: ["merge"] },

  async check() {
    return [];
  },

  async preview() {
    return { summary: "Look up the triggers of the tables, in the catalogue", lines: [], counts: {} };
  },

  async run(ctx, { rescue, decided }) {
    const effects = effectsOf(rescue, decidedKinds(decided));
    const [merge, names] = [ctx.capability("merge"), rescuedNames(rescue)];
    let closed: ClosedModes = {};
    for (const effect of effects) closed = { ...(await merge.closedModes(names, effect)), ...closed };
    refuseClosed(closed);
    const triggers = await triggersOf(merge, names, effects);
    return { triggers, effect: effects.length > 1 ? "insert or update" : (effects[0] ?? "insert"), closed };
  },

  /** Each by its name, also where nobody sees the list that is chosen from. */
  async verify(_ctx, _params, { triggers }) {
    return triggers.map((one) => ({ level: "note", text: wordsOf(one) }));
  },

  /** No default where there are triggers: nobody but the operator knows what they do. What has a way back is named first. */
  choices({ triggers, effect = "insert", closed: { fire: noFire, skip: noSkip } = {} }) {
    if (triggers.length === 0 && noFire === undefined) return [nobodyToAsk];
    const listed = triggers.map(wordsOf);
    return [orClosed(skip(listed), noSkip), orClosed(fire(listed, effect), noFire)];
  },
};

/** Looked for before the hold too; a rule or a foreign key may have come since, or a right gone. */
function refuseClosed({ fire: noFire, skip: noSkip }: ClosedModes): void {
  if (noFire === undefined || noSkip === undefined) return;
  throw new Fault("HF-NO-MERGE", `The rows can't be put back. Fired: ${noFire} Skipped: ${noSkip}`, {
    still: "Nothing was written to your tables; the rescued rows wait in the rescue area.",
    exit: "refused",
    hint: "Mend one of the two, then go on.",
    wayOn: "mend",
  });
}

function orClosed(choice: Choice, why: string | undefined): Choice {
  return why === undefined ? choice : { ...choice, disabled: why };
}

function wordsOf({ table, name, words }: Result["triggers"][number]): string {
  return `${table}: ${name}, ${words}`;
}

const nobodyToAsk: Choice = {
  value: "none",
  label: "no trigger would fire",
  details: ["Foreign keys are checked by the server as always."],
  tags: ["default", "fire", "skip"],
  data: "fire",
};

function fire(listed: readonly string[], effect: NonNullable<Result["effect"]>): Choice {
  return {
    value: "fire",
    label: `fire ${some(listed.length, "trigger")}`,
    details: [
      ...listed,
      `They run as for any ${effect.replaceAll(/insert|update/gu, (word) => word.toUpperCase())}: mails may go out again, and a BEFORE trigger may change values (updated_at).`,
      "What they do has no way back. Foreign keys are checked by the server.",
    ],
    tags: [],
    data: "fire",
  };
}

function skip(listed: readonly string[]): Choice {
  return {
    value: "skip",
    label: listed.length === 0 ? "skip the server's foreign-key checks" : `skip ${some(listed.length, "trigger")}`,
    details: [
      ...listed,
      ...(listed.length === 0
        ? []
        : [
            "They do not run: the rows come back exactly as they were, and what the triggers keep (totals, audit) stays as it is.",
          ]),
      "For our session alone this turns foreign-key checks off too, so each batch looks for parents by itself; all others are checked as always.",
    ],
    tags: [],
    data: "skip",
  };
}
