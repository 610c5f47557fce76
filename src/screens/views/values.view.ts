import { cell, type ShownRow, shownRows } from "../../words/values.ts";
import { textWidth } from "../../words/format.ts";
import type { Model, Route } from "../model.ts";
import { blank, labelled, type Row, row, scrolled, span, valueSpan, whereIn } from "../rows.ts";
import type { Body } from "./body.ts";

/** Sample rows for the eye alone: columns by name, the rescued value beside today's. Leaving takes them away. */
export function valuesBody(model: Model, route: Extract<Route, { kind: "values" }>, height: number): Body {
  const { columns } = model.size;
  const title = model.run?.steps.find(({ step }) => step.key === route.step)?.step.title ?? route.step;
  if (route.rows === null)
    return { rows: [row(span(`ROW VALUES  ${title}`, "strong")), row("reading sample rows ..")] };
  const head = [
    row(span(`ROW VALUES  ${title}`, "strong")),
    ...recorded(model, route.rows.length).flatMap((text) => labelled("", text, columns, { indent: 0 })),
  ];
  const lines = shownRows(route.rows).flatMap((shown, index) => [
    ...(index === 0 ? [] : [blank]),
    ...rowLines(shown, columns),
  ]);
  const room = Math.max(1, height - head.length - 1);
  const part = scrolled(lines, model.cursors.values ?? 0, room);
  return {
    rows: [...head, ...part.shown, row(whereIn(part))],
    lastTop: Math.max(0, lines.length - room),
    page: room,
  };
}

function recorded({ who }: Model, rows: number): readonly string[] {
  const shown = rows === 1 ? "1 sample row is" : `${rows} sample rows are`;
  return [
    `${shown} shown to ${who}; the journal has recorded that.`,
    "The journal holds no value. Esc takes these off the screen; nothing keeps them.",
  ];
}

const mostForName = 24;

function rowLines({ head, cells }: ShownRow, columns: number): readonly Row[] {
  const name = Math.min(mostForName, Math.max(6, ...cells.map(({ column }) => textWidth(column)))) + 2;
  const isPair = cells.some(({ present }) => present !== null);
  const room = columns - name - 2;
  const width = isPair ? Math.floor((room - 2) / 2) : room;
  const titles = isPair ? `${"rescued".padEnd(width + 2)}present` : "rescued";
  return [
    row(span(head, "strong")),
    row(`  ${"column".padEnd(name)}${titles}`),
    ...cells.map(({ column, rescued, present, differs }) => [
      span(differs ? "! " : "  ", "caution"),
      valueSpan(cell(column, name - 2)),
      span("  "),
      valueSpan(present === null ? cell(rescued, width).trimEnd() : cell(rescued, width)),
      ...(present === null
        ? []
        : [span("  "), valueSpan(cell(present, width).trimEnd(), differs ? "caution" : "plain")]),
    ]),
  ];
}
