import { shortDigest } from "../../core/plan.ts";
import { type ConfirmQuestion, mostMisses } from "../../core/question.ts";
import type { Finding } from "../../core/step.ts";
import { count, duration, expected, plural } from "../../words/format.ts";
import { isAnswered, type Model } from "../model.ts";
import { blank, ends, labelled, type Row, row, scrolled, span, whereIn } from "../rows.ts";
import { environmentOf } from "./heading.ts";
import { bodyHeight } from "./message.view.ts";
import { killedWords } from "../../words/written-words.ts";
import { findingText, spaced } from "../../words/step-words.ts";

export interface ConfirmView {
  readonly rows: readonly Row[];
  /** Why it can't be answered in this window; its facts would not be seen. */
  readonly tooSmall: string | null;
  /** Preview lines that were never on the screen. */
  readonly unread: number;
  /** Preview lines from the first to the last that is on the screen now. */
  readonly seen: number;
  /** How far the preview can be scrolled. */
  readonly lastTop: number;
  /** Lines of the preview that show at once. */
  readonly page: number;
}

/** Target, effect, exact counts, undo and expiry on one screen, or no answer is taken. */
export function confirmRows(model: Model, question: ConfirmQuestion): ConfirmView {
  const { columns, rows } = model.size;
  const height = bodyHeight(model);
  const lines = previewRows(model, question, columns);
  const isRead = model.readThrough === previewPrint(model, question);
  const ask = (unread: number) => [...countRows(model, question), ...promptRows(model, question, columns, unread)];
  const bottom = ask(0);
  const needed = Math.min(lines.length, 2);
  const topWith = (most?: number) => [...titleRows(model, question), ...factRows(question, columns, most)];
  const whole = topWith();
  const top = height - whole.length - bottom.length - 1 >= Math.min(lines.length, 4) ? whole : topWith(3);
  const room = height - top.length - bottom.length - 1;
  if (columns < 60 || rows < 15 || room < needed) {
    const wanted = Math.max(15, top.length + bottom.length + needed + 1 + (rows - height));
    const tooSmall = `This window is too small for its facts: it needs ${Math.max(60, columns)}x${wanted}. Nothing can be confirmed in it.`;
    const said = labelled("", tooSmall, columns, { indent: 0, tone: "bad" });
    return { rows: [...said, ...top], tooSmall, unread: 0, seen: 0, lastTop: 0, page: 1 };
  }
  const part = scrolled(lines, model.cursors[question.way.kind] ?? 0, room);
  const seen = part.from + part.shown.length;
  const unread = isRead ? 0 : Math.max(0, lines.length - Math.max(model.asked?.seen ?? 0, seen));
  const rest = unread > 0 ? span(`: ${unread} not read yet, no answer before`, "strong") : span("");
  return {
    rows: [...top, ...part.shown, row(whereIn(part), rest), ...ask(unread)],
    tooSmall: null,
    unread,
    seen,
    lastTop: Math.max(0, lines.length - room),
    page: room,
  };
}

/** All that has to be read before an answer; two questions of the same print say the same, but for what a hold costs by now. */
export function previewPrint({ run }: Model, { previews, covers }: ConfirmQuestion): string {
  const told = previews.map(({ step, preview: { summary, lines, counts, undo, incomplete } }) => [
    step,
    summary,
    lines.map(withoutAmounts),
    counts,
    undo,
    incomplete,
  ]);
  return JSON.stringify([told, warningsOf(run, covers).map(findingText)]);
}

/** How much log is kept, and how fast it grows, changes by the second; counts of rows stand in other lines. */
function withoutAmounts(line: string): string {
  return line.trimStart().startsWith("cost: ") ? line.replaceAll(/\d[\d.,]*( [kMGT]?B(\/min)?)?/g, "#") : line;
}

/** `STEP 7  merge`, or every step that this one answer lets through; never cut: what has no room on one row takes two. */
function titleRows(model: Model, question: ConfirmQuestion): readonly Row[] {
  const { columns } = model.size;
  const covered = (model.run?.steps ?? []).flatMap(({ step }, index) =>
    question.covers.includes(step.key) ? [{ number: index + 1, title: step.title }] : [],
  );
  const left = question.lapsesAt - model.now;
  const lapses = left > 0 ? `lapses in ${duration(left)}` : "LAPSED: looking again";
  const numbers = `STEP${covered.length > 1 ? "S" : ""} ${covered.map((step) => step.number).join(", ")}`;
  const titles = covered.length > 1 ? covered.map((step) => step.title).join("; ") : question.asks;
  const effect = effectOf(model, question).toUpperCase();
  const fits = (parts: readonly string[]) => parts.join("").length + 2 <= columns;
  const short = left > 0 ? `${duration(left)} left` : lapses;
  const whole = [
    [`${numbers}  ${titles}`, effect, `   ${lapses}`],
    [`${numbers}  ${titles}`, effect, `  ${short}`],
  ].find(fits);
  const [title = "", strong = "", rest = ""] = whole ?? [numbers, effect, `   ${lapses}`];
  const head = ends(row(span(title, "strong")), row(span(strong, "strong"), rest), columns);
  return whole === undefined ? [head, ...labelled("", titles, columns, { indent: 2, tone: "strong" })] : [head];
}

/** The strongest of what the answer lets through. */
function effectOf(model: Model, question: ConfirmQuestion): string {
  const covered = (model.run?.steps ?? []).filter((step) => question.covers.includes(step.step.key));
  const order = ["read", "hold", "write", "destroy"];
  return order.findLast((effect) => covered.some((step) => step.step.effect === effect)) ?? "write";
}

function factRows(question: ConfirmQuestion, width: number, most?: number): readonly Row[] {
  return [
    row("The server you are connected to says that it is"),
    ...question.facts.flatMap((fact) =>
      labelled(`  ${fact.label}`, fact.text, width, { indent: 12, ...(most === undefined ? {} : { most }) }),
    ),
  ];
}

function previewRows(model: Model, question: ConfirmQuestion, width: number): readonly Row[] {
  const previews = question.previews.flatMap(({ step, preview }, index) => {
    const label = index === 0 ? "It will" : `Step ${numberOf(model, step)}`;
    return [
      ...labelled(label, preview.summary, width, { indent: 12 }),
      ...preview.lines.flatMap((line) => labelled("", line, width, { indent: 12 })),
      // The facts above name the way back of the first; each of the others has its own.
      ...(index === 0 || preview.undo === undefined
        ? []
        : labelled("", `undo: ${preview.undo}`, width, { indent: 12 })),
      ...(preview.incomplete === undefined
        ? []
        : labelled("  NOT SEEN", preview.incomplete, width, { indent: 12, tone: "caution" })),
    ];
  });
  return [...killedRows(model, question, width), ...warningRows(model, question, width), ...previews];
}

function numberOf({ run }: Model, step: string): number {
  return (run?.steps.findIndex((one) => one.step.key === step) ?? -1) + 1;
}

/** Whoever comes back to a run has to know that what is asked was begun before, and what is there of it. */
function killedRows(model: Model, { covers }: ConfirmQuestion, width: number): readonly Row[] {
  return (model.run?.steps ?? [])
    .filter(({ step }) => covers.includes(step.key))
    .map((step) => killedWords(step, covers.length > 1 ? `Step ${numberOf(model, step.step.key)}` : undefined))
    .filter((words) => words !== "")
    .flatMap((words) => labelled("BEFORE", words, width, { indent: 12, tone: "caution" }));
}

/** What the checks warned of comes before what the step will do: it may be the reason to hurry, or not to go on. */
function warningRows(model: Model, question: ConfirmQuestion, width: number): readonly Row[] {
  return warningsOf(model.run, question.covers).flatMap((finding) =>
    labelled("WARN", findingText(finding), width, { indent: 12, tone: "caution" }),
  );
}

function warningsOf(run: Model["run"], covers: readonly string[]): readonly Finding[] {
  return (run?.steps ?? [])
    .filter(({ step }) => covers.includes(step.key))
    .flatMap(({ findings }) => findings)
    .filter(({ level }) => level === "warn");
}

function countRows(model: Model, question: ConfirmQuestion): readonly Row[] {
  const counted = question.previews.filter(({ preview }) => Object.keys(preview.counts).length > 0);
  const words = counted
    .map(({ step, preview }) => {
      const numbers = Object.entries(preview.counts).map(([name, value]) => `${spaced(name)} ${count(value)}`);
      return `${counted.length > 1 ? `step ${numberOf(model, step)}: ` : ""}${numbers.join(", ")}`;
    })
    .join("; ");
  const took = question.previews.reduce((sum, { preview }) => sum + (preview.takesMs ?? 0), 0);
  const told = question.previews.some(({ preview }) => preview.lines.some((line) => line.startsWith("about ")));
  const time = took > 0 && !told ? expected(took) : "";
  const plan = model.run === null ? "" : `plan ${shortDigest(model.run.plan.digest)}`;
  const { columns } = model.size;
  const numbers = [words, time].filter((part) => part !== "").join("; ");
  const all = [numbers, plan].filter((part) => part !== "").join("; ");
  if (all.length + 12 <= columns) return labelled("Counts", all, columns, { indent: 12 });
  // The plan's digest is compared by eye: it stays in one piece.
  return [
    ...labelled("Counts", numbers, columns, { indent: 12, most: 2 }),
    ...labelled("", plan, columns, { indent: 12 }),
  ];
}

function promptRows(model: Model, question: ConfirmQuestion, width: number, unread: number): readonly Row[] {
  if (isAnswered(model)) return takenRows(model, question, width);
  if (question.way.kind === "go")
    return [
      row(
        span(unread > 0 ? "PgDn shows the rest; then g goes ahead." : "g goes ahead.", "strong"),
        " Esc puts it aside, nothing happens.",
      ),
    ];
  const { times } = model.missed;
  const missed = times > 0 ? `   (${times} of ${mostMisses} misses) ${triesLeft(times)}` : "";
  const asks = phraseWords(model, question, question.way.phrase) + missed;
  return [
    ...labelled("", asks, width, { indent: 0, tone: "strong" }),
    row("  > ", span(`${model.typed.text}_`, "strong")),
  ];
}

/** A write is counted once more before it begins, which takes a moment on a large table: nobody may think that the key was lost. */
function takenRows(model: Model, question: ConfirmQuestion, width: number): readonly Row[] {
  const isHold = effectOf(model, question) === "hold";
  const words = isHold
    ? "Confirmed: it begins .."
    : "Confirmed: counting anew on the server; if nothing has changed, it begins ..";
  const rows = labelled("", words, width, { indent: 0, tone: "strong" });
  return question.way.kind === "go" || rows.length > 1 ? rows : [...rows, blank];
}

function triesLeft(misses: number): string {
  return `${plural(Math.max(0, mostMisses - misses), "try", "tries")} left, then the run pauses (nothing is lost)`;
}

/** What has to be typed. A database's name is not repeated beside the field: it is read above, where the server says it. */
function phraseWords(model: Model, question: ConfirmQuestion, phrase: string): string {
  const database = question.facts.find((fact) => fact.label === "database")?.text;
  if (phrase === database) return "Type the name of this database, by hand:";
  const environment = model.run === null ? "" : environmentOf(model.run);
  if (phrase === `${environment}/${database}`) {
    return "Another environment has a database of this name: type environment/name, by hand:";
  }
  return `Type this, by hand: ${phrase}`;
}
