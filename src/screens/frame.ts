import { type Binding, bindingsAt } from "./keys.ts";
import { type Model, type Place, placeOf, routeOf, type Size } from "./model.ts";
import { sentence } from "../words/format.ts";
import { blank, fit, type Row, row, rowText, span, widthOf, wrapText } from "./rows.ts";
import type { Body, PickItem, PickSlot } from "./views/body.ts";
import { confirmRows } from "./views/confirm.view.ts";
import { detailsBody } from "./views/details.view.ts";
import { doctorBody } from "./views/doctor.view.ts";
import { giveUpBody, noteBody, writeBody } from "./views/fields.view.ts";
import { headerRow, runInView } from "./views/heading.ts";
import { helpBody } from "./views/help.view.ts";
import { bodyHeight, messageRows } from "./views/message.view.ts";
import { inputsBody } from "./views/inputs.view.ts";
import { journalBody, timelineBody } from "./views/journal.view.ts";
import { liveRows } from "./views/live.view.ts";
import { planBody } from "./views/plan.view.ts";
import { choiceBody, failureBody } from "./views/questions.view.ts";
import { endedBody } from "./views/result.view.ts";
import { resumeBody } from "./views/resume.view.ts";
import { runbooksBody } from "./views/runbooks.view.ts";
import { valuesBody } from "./views/values.view.ts";
import { startBody, targetsBody } from "./views/start.view.ts";

/** All that is drawn: never taller than the window less one row, never wider than it. */
export interface Frame {
  readonly header: Row;
  readonly body: Body;
  readonly messages: readonly Row[];
  readonly footer: Row;
}

export const smallest = { columns: 60, rows: 15 };

/** Where only a line has room: what is asked is not seen, so nothing is answered. */
export function isTooSmall({ columns, rows }: Size): boolean {
  return columns < smallest.columns || rows < smallest.rows;
}

/** The whole screen as a pure function of the model. */
export function frameOf(model: Model): Frame {
  const { columns } = model.size;
  if (isTooSmall(model.size)) return tooSmallFrame(model);
  const height = bodyHeight(model);
  const body = bodyOf(model, height);
  const shown = body.rows.slice(0, height).map((line) => fit(line, columns));
  return {
    header: fit(headerRow(model), columns),
    body: {
      ...body,
      rows: [...shown, ...padding(body, height, shown.length)],
      ...(body.pick === undefined ? {} : { pick: fitted(body.pick, columns) }),
    },
    messages: messageRows(model).map((line) => fit(line, columns)),
    footer: footerRow(placeOf(model), model, columns),
  };
}

/** As plain lines; what a test, or a person without a terminal, reads. */
export function frameText(frame: Frame): readonly string[] {
  const { body } = frame;
  const { pick } = body;
  const picks = (pick?.items ?? [])
    .slice(0, pick?.limit)
    .flatMap((item, index) => [...item.heading, ...markedRows(item, index === pick?.cursor)].map(rowText));
  const rows = body.rows.map(rowText);
  const withPicks =
    body.pick === undefined ? rows : [...rows.slice(0, body.pick.at), ...picks, ...rows.slice(body.pick.at)];
  return [rowText(frame.header), ...withPicks, ...frame.messages.map(rowText), rowText(frame.footer)];
}

/** `> ` in front of the highlighted item; every other row of a list is indented alike. */
export function markedRows(item: PickItem, selected: boolean): readonly Row[] {
  return item.rows.map((line, index) => [...row(selected && index === 0 ? "> " : "  "), ...line]);
}

function fitted(pick: PickSlot, columns: number): PickSlot {
  const items = pick.items.map((item) => ({
    ...item,
    heading: item.heading.map((line) => fit(line, columns)),
    rows: item.rows.map((line) => fit(line, columns - 2)),
  }));
  return { ...pick, items };
}

function padding(body: Body, height: number, used: number): readonly Row[] {
  if (body.pick !== undefined) return [];
  return Array.from({ length: Math.max(0, height - used) }, () => blank);
}

/** One row where it has room for all; a question that waits, and the answer to a key, take more. */
function tooSmallFrame(model: Model): Frame {
  const { columns } = model.size;
  const question = model.driving ? (model.run?.question ?? null) : null;
  const going = question !== null ? "A QUESTION WAITS" : model.driving ? "the run goes on" : "nothing runs";
  const needs = `needs ${smallest.columns}x${smallest.rows}; ${going}`;
  const name = headerRow(model).slice(0, 3);
  const whole = row(...name, `  ${needs}`);
  const below = [
    ...(widthOf(whole) > columns ? [needs] : []),
    ...(question === null ? [] : [`[#] ${sentence(question.asks)} It waits: make the window larger to answer.`]),
    ...(model.message === "" ? [] : [model.message]),
  ];
  const rows = below.flatMap((text) => wrapText(text, columns)).map((text) => fit(row(span(text, "strong")), columns));
  return { header: fit(below[0] === needs ? name : whole, columns), body: { rows }, messages: [], footer: blank };
}

/** How far the body can be scrolled just now; cursors of texts stop there. */
export function lastTop(model: Model): number {
  return bodyOf(model, bodyHeight(model)).lastTop ?? 0;
}

/** How far PgDn goes: never past a row that was not shown. */
export function pageOf(model: Model): number {
  return Math.max(1, bodyOf(model, bodyHeight(model)).page ?? model.size.rows - 8);
}

/** Where a list that can be scrolled begins on the screen, and whether what is highlighted is seen. */
export function choiceView(model: Model): { readonly top: number; readonly seesCursor: boolean } {
  const { top = 0, seesCursor = true } = bodyOf(model, bodyHeight(model));
  return { top, seesCursor };
}

function bodyOf(model: Model, height: number): Body {
  const route = routeOf(model);
  switch (route.kind) {
    case "start":
      return startBody(model, height);
    case "targets":
      return targetsBody(model, height);
    case "runbooks":
      return runbooksBody(model, height);
    case "inputs":
      return inputsBody(model, height);
    case "plan":
      return planBody(model, route.plan, height);
    case "resume":
      return resumeBody(model, route, height);
    case "run":
      return runBody(model, height);
    case "details":
      return detailsOf(model, height);
    case "values":
      return valuesBody(model, route, height);
    case "doctor":
      return doctorBody(model, route, height);
    case "journal":
      return journalBody(model, height);
    case "timeline":
      return timelineBody(model, route, height);
    case "note":
      return noteBody(model);
    case "write":
      return writeBody(model, route);
    case "give-up":
      return giveUpBody(model, route, height);
    case "help":
      return helpBody(model, route.of, height);
  }
}

function runBody(model: Model, height: number): Body {
  const { run } = model;
  if (run === null) return { rows: [row("opening the run ..")] };
  const place = placeOf(model);
  if (place === "ended") return endedBody(model, run, height);
  const { question } = run;
  if (place === "live" || question === null) return { rows: liveRows(model, run, height) };
  if (question.kind === "choice") return choiceBody(model, question, height);
  if (question.kind === "failure") return failureBody(model, question, height);
  return confirmRows(model, question);
}

function detailsOf(model: Model, height: number): Body {
  const state = runInView(model);
  return state === null ? { rows: [row("no run is in view")] } : detailsBody(model, state, height);
}

/**
 * The keys of this place from the one table; those that do nothing just now stand in brackets. Where not all fit, `..` and `all keys` on
 * help's key say so; help, leaving and stopping stay.
 */
function footerRow(place: Place, model: Model, width: number): Row {
  // A run that is closed has no way on: brackets would only make one look for it.
  const bound = bindingsAt(place).filter((one) => one.footer && (place !== "ended" || one.enabled(model) === true));
  if (model.dead !== "" && place !== "type") return row("Enter or Esc: keys live again  ^C stop");
  const kept = bound.filter((one) => ["back", "help", "leave", "interrupt"].includes(one.does));
  const others = bound.filter((one) => !kept.includes(one));
  const words = (place === "failure" ? waysFirst(others, model) : others).map((one) => keyWords(one, model));
  const text = (shown: number): string => {
    const isWhole = shown === words.length;
    const tail = kept.map((one) => (one.does === "help" && !isWhole ? `${one.shows} all keys` : keyWords(one, model)));
    return [...words.slice(0, shown), ...(isWhole ? [] : [".."]), ...tail].join("  ");
  };
  let shown = words.length;
  while (shown > 0 && text(shown).length > width) shown -= 1;
  return fit(row(text(shown)), width);
}

/** After a failure the ways on that are open are what one looks for, then those that are closed. */
function waysFirst(bound: readonly Binding[], model: Model): readonly Binding[] {
  const isAside = ({ does }: Binding) => ["pause", "details", "note", "values"].includes(does);
  const rank = (one: Binding) => (isAside(one) ? 2 : one.enabled(model) === true ? 0 : 1);
  return bound.toSorted((a, b) => rank(a) - rank(b));
}

function keyWords(bound: Binding, model: Model): string {
  const text = `${bound.shows} ${bound.label}`;
  return bound.enabled(model) === true ? text : `(${text})`;
}
