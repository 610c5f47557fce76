import type { ReadyTarget } from "../../core/readiness.ts";
import { plural } from "../../words/format.ts";
import { type ReadyLine, readyLines } from "../../words/readiness.ts";
import type { Model, Route } from "../model.ts";
import { blank, ends, labelled, type Row, row, scrolled, span, type Tone, whereIn } from "../rows.ts";
import type { Body } from "./body.ts";

/** First how each target stands, then all that was found of it. */
export function doctorBody(model: Model, route: Extract<Route, { kind: "doctor" }>, height: number): Body {
  const { columns } = model.size;
  const { targets, answers } = route;
  const left = targets.length - answers.length;
  const head = ends(
    row(span("DOCTOR", "strong"), "  what could be brought back, were there an incident now"),
    row(left > 0 ? `${answers.length} of ${plural(targets.length, "target")}` : ""),
    columns,
  );
  const lines = [
    ...targets.flatMap((name) => standingRows(route, name, columns)),
    ...answers.flatMap((answer) => [blank, ...readyLines(answer).flatMap((one) => lineRows(one, columns))]),
  ];
  const room = Math.max(1, height - 2);
  const part = scrolled(lines, model.cursors.doctor ?? 0, room);
  return { rows: [head, ...part.shown, row(whereIn(part))], lastTop: Math.max(0, lines.length - room), page: room };
}

function standingRows(
  { targets, answers, note }: Extract<Route, { kind: "doctor" }>,
  name: string,
  width: number,
): readonly Row[] {
  const answer = answers.find(({ target }) => target === name);
  if (answer !== undefined) return standing(answer, width);
  const isNext = targets[answers.length] === name;
  const at = note === "" ? "" : ` at ${note}`;
  return mark(isNext ? "[>]" : "[ ]", isNext ? `${name}: looking${at} ..` : name, "plain", width);
}

function standing({ target, ready, fault, found }: ReadyTarget, width: number): readonly Row[] {
  if (fault !== null) return mark("[!]", `${target}: could not be asked (${fault.code})`, "bad", width);
  const closed = (found?.tables ?? []).filter(({ open }) => !open).map(({ table }) => table);
  if (ready) return mark("[x]", `${target}: READY`, "good", width);
  return mark("[!]", `${target}: NOT READY: no path is open for ${closed.join(", ")}`, "bad", width);
}

function mark(sign: string, text: string, tone: Tone, width: number): readonly Row[] {
  return labelled(sign, text, width, { indent: 4, most: 2, tone });
}

function lineRows({ indent, mark: sign, text, tone }: ReadyLine, width: number): readonly Row[] {
  const label = `${" ".repeat(indent)}${sign}`;
  return labelled(label, text, width, { indent: sign === "" ? indent : indent + 4, tone });
}
