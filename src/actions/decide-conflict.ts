import { z } from "zod";
import type { Choice } from "../core/step.ts";
import type { ConflictKind } from "../engines/rescue-area.ts";
import type { Action } from "./action.ts";
import { revealedRows } from "./revealed-rows.ts";
import { count, perTable, some } from "./say.ts";
import { type Conflict, conflictShape, rescueShape } from "./shapes.ts";

const params = z.object({ rescue: rescueShape, conflict: conflictShape });
const result = z.object({
  ...conflictShape.shape,
  /** Why they can't be written; absent: they can. */
  closed: z.exactOptional(z.string()),
});
type Params = z.infer<typeof params>;
type Result = z.infer<typeof result>;

/** Rows of each table that are shown, each with what stands against it. */
const listed = 20;

export const decideConflict: Action<Params, Result> = {
  name: "decide-conflict",
  summary: "Asks about rows in conflict, one kind at a time",
  effect: "read",
  recovery: ["idempotent"],
  params,
  result,
  roles: { main: ["rescueArea", "merge"] },

  async check() {
    return [];
  },

  async preview(_ctx, { conflict }) {
    return { summary: `Look whether ${some(conflict.rows, "row")} could be written`, lines: [], counts: {} };
  },

  async run(ctx, { conflict }) {
    const { fire, skip } = await ctx.capability("merge").closedModes(
      conflict.tables.map(({ table }) => table),
      words[conflict.name].effect,
    );
    const asked = { ...conflict, asked: ctx.step };
    if (fire === undefined || skip === undefined) return asked;
    return { ...asked, closed: skip.includes(fire) ? skip : `${fire} ${skip}` };
  },

  async verify(_ctx, _params, found) {
    return [{ level: "note", text: `${perTable(found.tables)}; ${words[found.name].are}`, until: "written" }];
  },

  choices(found) {
    const write = writes(found);
    return [leave(found), found.closed === undefined ? write : { ...write, disabled: found.closed }];
  },

  /** Masked until somebody asks; then read from the target, and kept nowhere. */
  async reveal(ctx, { name, tables }) {
    const area = ctx.capability("rescueArea");
    return revealedRows(tables, (table) => area.sample(ctx.run, table, listed, name));
  },
};

interface Words {
  readonly are: string;
  readonly effect: "insert" | "update";
  readonly leave: string;
  readonly value: string;
  readonly write: string;
  readonly costs: readonly string[];
}

const copied =
  "Today's version of each is copied into the rescue area first: while that is kept, this can be taken back.";

const words: Readonly<Record<ConflictKind, Words>> = {
  remade: {
    are: "their key was used again since, with other values",
    effect: "update",
    leave: "Today's rows stay. The rescued ones stay in the rescue area alone.",
    value: "overwrite",
    write: "overwrite today's rows with the rescued ones",
    costs: ["What was made under these keys since is lost from the table.", copied],
  },
  "removed-since": {
    are: "somebody made them again after the statement, and somebody removed them again",
    effect: "insert",
    leave: "They stay out. Who removed them may have meant it.",
    value: "insert",
    write: "put them in again, as they were before the statement",
    costs: [
      "Where somebody removed a row on purpose, it is there again. What waits for such a row as its parent comes with it.",
    ],
  },
  "changed-since": {
    are: "somebody changed them again after the statement",
    effect: "update",
    leave:
      "What was written since stays, and with it what the statement did to these rows, where nobody wrote over it.",
    value: "overwrite",
    write: "set them back all the same",
    costs: [
      "Every column becomes what it was before the statement: what was written since is lost from the table.",
      copied,
    ],
  },
  "key-changed": {
    are: "the statement gave them another key",
    effect: "update",
    leave: "They stay under their new key, with what the statement wrote.",
    value: "overwrite",
    write: "set them back, key and all",
    costs: [
      "Other tables that name the new key follow only where their foreign key says ON UPDATE CASCADE and triggers fire.",
      "A row whose old key another row has by then, or whose new one is still named, stays as it is, and is counted.",
      copied,
    ],
  },
  gone: {
    are: "no row has their key any more: deleted since, or given another key",
    effect: "insert",
    leave: "They stay out. Who deleted them may have meant it.",
    value: "insert",
    write: "put them in again, as they were before the statement",
    costs: [
      "Where somebody deleted a row on purpose, it is there again.",
      "Where somebody gave it another key, or moved it to another partition, it is there twice.",
      "What is meant is what is gone when the safety copy is taken; who is deleted later stays out.",
      "What was deleted with them (children by ON DELETE CASCADE) is not among these.",
    ],
  },
};

function leave(found: Conflict): Choice {
  return {
    value: "leave",
    label: found.rows === 1 ? "leave it as it is" : `leave all ${count(found.rows)} as they are`,
    details: [`${perTable(found.tables)}; ${words[found.name].are}.`, words[found.name].leave, shown],
    tags: ["default", "recommended"],
    data: { write: false },
  };
}

function writes(found: Conflict): Choice {
  const { value, write, costs } = words[found.name];
  const back = found.asked === undefined ? [] : [takenBack(found.asked)];
  return { value, label: write, details: [...costs, ...back], tags: [], data: { write: true } };
}

function takenBack(step: string): string {
  return `Thought better of it before rows are written? Pause, and resume with --choose ${step}=leave (a drill goes on with what was chosen).`;
}

const shown = `^R lists the first ${listed} of each table by their key, beside what is there now.`;
