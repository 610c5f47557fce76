import type { ChoiceQuestion, FailureAct, FailureQuestion } from "../../core/question.ts";
import type { Choice } from "../../core/step.ts";
import type { Model } from "../model.ts";
import { handCommands } from "../../words/commands.ts";
import { blank, labelled, type Row, row, scrolled, span, whereIn } from "../rows.ts";
import type { Body } from "./body.ts";

/** A list with details; what can't be chosen stays, with its reason; nothing is highlighted at first. */
export function choiceBody(model: Model, question: ChoiceQuestion, height: number): Body {
  const { columns } = model.size;
  const cursor = model.cursors.choice ?? -1;
  const many = `   ${question.choices.length} to choose from`;
  const whole = `${many}; ${isConfirmedLater(model, question) ? "choosing changes nothing yet" : "it is done at once"}`;
  const head = [
    row(span(question.asks, "strong"), question.asks.length + whole.length <= columns ? whole : many),
    ...factRows(question, columns),
    blank,
  ];
  const items = question.choices.map((choice, index) => choiceRows(choice, index === cursor, columns));
  const none = [
    ...(cursor < 0 ? [row(span("Nothing is highlighted yet: Down first, then Enter chooses.", "strong"))] : []),
    ...(question.byHand === undefined ? [] : [row("None of these? w writes it by hand.")]),
  ];
  const room = Math.max(1, height - head.length - none.length - 1);
  const lines = items.flat();
  const part = scrolled(lines, model.choiceTop ?? topFor(items, Math.max(0, cursor), room), room);
  const at = items.slice(0, Math.max(0, cursor)).flat().length;
  return {
    rows: [...head, ...part.shown, row(whereIn(part)), ...none].slice(0, height),
    lastTop: Math.max(0, lines.length - room),
    page: room,
    top: part.from,
    seesCursor: at >= part.from && at < part.from + part.shown.length,
  };
}

/** A write is always confirmed; where none follows any more, the next step does what was chosen. */
function isConfirmedLater({ run }: Model, question: ChoiceQuestion): boolean {
  const steps = run?.steps ?? [];
  const rest = steps.slice(steps.findIndex((one) => one.step.key === question.step) + 1);
  return rest.some(({ step, status }) => (step.effect === "write" || step.effect === "destroy") && status === "todo");
}

/** `default` is what a run takes that nobody can be asked in: to a person nothing is preselected. */
function choiceRows(choice: Choice, selected: boolean, width: number): readonly Row[] {
  const tone = selected ? "strong" : "plain";
  // What a flag may also name it by (a transaction's id) is no word for the eye.
  const told = choice.tags.filter((tag) => tag !== "default" && /^[a-z]/.test(tag));
  const tags = told.length > 0 ? `[${told.join(", ")}]` : "";
  const fits = choice.label.length + tags.length + 5 <= width;
  return [
    row(selected ? "> " : "  ", span(fits && tags !== "" ? `${choice.label}   ${tags}` : choice.label, tone)),
    ...(fits ? [] : labelled("", tags, width, { indent: 6, tone })),
    ...(choice.disabled === undefined
      ? []
      : labelled("", `not possible: ${choice.disabled}`, width, { indent: 6, tone: "caution" })),
    ...choice.details
      .flatMap((line) =>
        handCommands(line).map((command, index) => (index === 0 ? command : `then, in a shell: ${command}`)),
      )
      .flatMap((line) => labelled("", line, width, { indent: 6 })),
    ...(choice.irreversible === undefined
      ? []
      : labelled("", "Enter does not choose this: g does.", width, { indent: 6, tone: "caution" })),
  ];
}

/** The first row that shows where the item at `at` is to be seen whole, or from its beginning. */
function topFor(items: readonly (readonly Row[])[], at: number, room: number): number {
  const start = items.slice(0, at).flat().length;
  const size = items[at]?.length ?? 1;
  if (start + size <= room) return 0;
  return size >= room ? start : start - Math.floor((room - size) / 2);
}

/** What happened, what is known, what is not, and the ways on, each with its key, or with the reason why not. */
export function failureBody(model: Model, question: FailureQuestion, height: number): Body {
  const { columns } = model.size;
  const index = model.run?.steps.findIndex((step) => step.step.key === question.step) ?? -1;
  const step = model.run?.steps[index];
  const unknown = step?.status === "unknown";
  const [mark, words] = unknown
    ? ["[?]", "not failed: not known"]
    : question.refused === true
      ? ["[#]", "it stops here; nothing has failed"]
      : ["[!]", "it failed"];
  const head = row(span(`${mark} STEP ${index + 1}  ${step?.step.title ?? question.step}`, "strong"), `   ${words}`);
  const options = [row(span("WHAT NEXT?", "strong")), ...waysOn(question, columns, height)];
  const story = failureStory(question, columns, height);
  const room = Math.max(1, height - options.length - 2);
  const part = scrolled(story, model.cursors.failure ?? 0, room);
  const where = row(whereIn(part));
  return {
    rows: [head, ...part.shown, where, ...options].slice(0, height),
    lastTop: Math.max(0, story.length - room),
    page: room,
  };
}

/** What is not known is read first where there is little room. */
function failureStory(question: FailureQuestion, width: number, height: number): readonly Row[] {
  const unknown = question.unknown.flatMap((text, i) =>
    labelled(i === 0 ? "UNKNOWN" : "", text, width, { tone: "caution" }),
  );
  const isSmall = height < smallHeight;
  return [
    ...(isSmall ? unknown : []),
    ...labelled("HAPPENED", question.asks, width),
    ...question.facts.flatMap((fact) => labelled(fact.label.toUpperCase(), fact.text, width)),
    ...question.known.flatMap((text, i) => labelled(i === 0 ? "KNOWN" : "", text, width)),
    ...(isSmall ? [] : unknown),
  ];
}

const smallHeight = 16;

export const failureKeys: Readonly<Record<FailureAct, string>> = {
  "find-out": "i",
  retry: "r",
  skip: "s",
  undo: "u",
  leave: "q",
  abandon: "x",
};

/** In a small window the closed ways share a row, so that what is unknown keeps its place; help has their reasons. */
function waysOn(question: FailureQuestion, width: number, height: number): readonly Row[] {
  if (height >= smallHeight) return question.options.flatMap((option) => optionRows(option, width));
  const closed = question.options
    .filter((option) => option.disabled !== undefined)
    .map((option) => `(${failureKeys[option.act]} ${option.act})`);
  const open = question.options.filter((option) => option.disabled === undefined);
  const rows = open.map((option) => row(`  ${failureKeys[option.act]}  ${option.label}`));
  return closed.length === 0 ? rows : [...rows, row(`     ${closed.join(" ")}: ? says why not`)];
}

function optionRows(option: FailureQuestion["options"][number], width: number): readonly Row[] {
  const mark = option.recommended === true ? "   recommended" : "";
  const reason = option.disabled === undefined ? "" : `   ${option.disabled}`;
  const key = option.disabled === undefined ? ` ${failureKeys[option.act]} ` : `(${failureKeys[option.act]})`;
  return labelled(` ${key}`, `${option.label}${reason}${mark}`, width, { indent: 5, most: 2 });
}

function factRows(question: ChoiceQuestion, width: number): readonly Row[] {
  return question.facts.flatMap((fact) => labelled(fact.label, fact.text, width, { most: 2 }));
}
