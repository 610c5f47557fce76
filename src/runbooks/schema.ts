import { z } from "zod";
import { effects } from "../core/effect.ts";

const key = (what: string) =>
  z
    .string()
    .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, `${what}: small letters, digits and single hyphens, a letter first`)
    .max(64, `${what} of at most 64 characters`);

const name = (what: string) =>
  z.string().regex(/^[a-z][a-zA-Z0-9]{0,63}$/, `${what}: letters and digits, a small letter first`);

const prose = (what: string, max: number) =>
  z.string().trim().min(1, `${what}, in words`).max(max, `${what} of at most ${max} characters`);

const input = z
  .strictObject({
    type: z.enum(["table", "instant", "text", "integer", "boolean", "list"]),
    prompt: prose("the question that is put to the operator", 200),
    optional: z.boolean().optional(),
    personal: z.literal(false, "false: a personal value can't be kept apart from the plan yet").optional(),
  })
  .describe("A typed input. The operator is asked for it, or gives it with --set name=value.");

const step = z.strictObject({
  id: key("a step's id").describe("Unique in this runbook; references and --choose use it."),
  title: prose("a title", 120).optional().describe("Shown in the checklist; the action's summary when left out."),
  why: prose("why this step is there", 2000).optional().describe("Required on every step that is not a read."),
  do: key("an action's name").optional().describe("The action. Each step has either do: or use:."),
  use: key("a runbook's id")
    .optional()
    .describe(
      "Another runbook, shipped or in a file beside this one, whose steps take this step's place; with: gives its inputs.",
    ),
  each: z
    .string()
    .optional()
    .describe(
      "A whole-value reference to a list: the step is done for each item, which ${item} and ${item.path} stand for.",
    ),
  with: z
    .record(name("a parameter's name"), z.json())
    .optional()
    .describe(
      "The action's parameters. ${inputs.x}, ${steps.id.result.path} and ${steps.id.choice.path} stand for whole values.",
    ),
  on: z
    .union([name("a role"), z.record(name("a role of the action"), name("a role of this runbook"))], {
      error: "a role of this runbook, or a map from the action's roles to this runbook's",
    })
    .optional()
    .describe("Which target; main when left out."),
  when: z
    .string()
    .optional()
    .describe("A whole-value reference; the step is skipped when it is false, null or absent."),
  choose: z.literal("one").optional().describe("The operator picks one of the action's choices after it ran."),
  group: key("a group").optional().describe("Neighbouring steps of one group are confirmed once."),
  tolerance: z
    .number()
    .min(0, "a share from 0 to 1")
    .max(1, "a share from 0 to 1")
    .optional()
    .describe("By which share the effect's counts may leave the preview before a confirmation lapses."),
  effect: z.enum(effects).optional().describe("Only stricter than the action's own effect."),
});

/** The shape of a runbook file. Closed: a key that is not here is a fault. */
export const runbookSchema = z.strictObject({
  holdfast: z.literal(1).describe("The format's version."),
  id: key("the runbook's id"),
  title: prose("a title", 120),
  about: prose("what it is for", 4000).optional(),
  roles: z
    .record(name("a role"), z.array(name("a capability")).min(1, "at least one capability"))
    .refine((roles) => Object.hasOwn(roles, "main"), "a map with the role main")
    .describe("Which targets it works on, and what it may ask of each."),
  inputs: z.record(name("an input's name"), input).optional(),
  gives: z
    .string()
    .optional()
    .describe(
      "What ${steps.id.result} stands for where another runbook uses this one; the last step's result when left out.",
    ),
  steps: z.array(step).min(1, "at least one step").max(200, "at most 200 steps"),
});

export type RunbookFile = z.infer<typeof runbookSchema>;
export type RunbookStep = RunbookFile["steps"][number];
export type RunbookInput = NonNullable<RunbookFile["inputs"]>[string];
