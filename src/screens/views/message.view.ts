import type { FaultRecord } from "../../core/errors.ts";
import { isAnswered, type Model, placeOf } from "../model.ts";
import { blank, type Row, row, span, wrapText } from "../rows.ts";

const most = 8;

/** What answers the last key: a fault in full, what is under way, or why nothing happened. Always at least one row. */
export function messageRows(model: Model): readonly Row[] {
  const { columns } = model.size;
  if (model.dead !== "" && placeOf(model) !== "type") return strongRows([model.message, model.dead], columns);
  if (model.busy !== "") return [row(span(`${model.busy} ..`, "strong"))];
  if (model.message !== "") return strongRows([model.message], columns);
  if (isAnswered(model) && model.run?.question?.kind !== "confirm") return [row(span("answered ..", "strong"))];
  if (model.fault === null || placeOf(model) === "ended") return [blank];
  return faultRows(model, model.fault).slice(0, most);
}

function strongRows(texts: readonly string[], columns: number): readonly Row[] {
  return texts
    .filter((text) => text !== "")
    .flatMap((text) => wrapText(text, columns))
    .map((line) => row(span(line, "strong")));
}

/** Rows that are left for the body: the header, the footer, the messages and one free row are taken. */
export function bodyHeight(model: Model): number {
  return Math.max(1, model.size.rows - 3 - messageRows(model).length);
}

function faultRows(model: Model, fault: FaultRecord): readonly Row[] {
  const width = model.size.columns;
  return [
    ...wrapText(`${fault.code}  ${fault.message}`, width).map((line) => row(span(line, "bad"))),
    ...[fault.cause, fault.still, fault.hint].flatMap((text) =>
      text === undefined ? [] : wrapText(text, width).map((line) => row(line)),
    ),
    ...(fault.next ?? []).map((command) => row(model.pasteable(command))),
  ];
}
