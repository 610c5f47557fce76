import type { RunbookSummary } from "../../runner/workbench.ts";
import { runbookItems } from "../lists.ts";
import { cursorOf, type Model } from "../model.ts";
import { around, blank, ends, labelled, type Row, row, span, widthOf } from "../rows.ts";
import type { Body } from "./body.ts";

export function runbooksBody(model: Model, height: number): Body {
  const { columns } = model.size;
  const found = runbookItems(model);
  const counted = row(`${found.length} of ${model.bench.runbooks.length} runbooks`);
  const cursor = Math.min(cursorOf(model), Math.max(0, found.length - 1));
  const part = around(found, cursor, Math.max(1, height - 6));
  const aboutRows = Math.max(3, height - part.shown.length - 4);
  const rows = part.shown.flatMap((runbook, index) =>
    runbookRows(runbook, part.from + index === cursor, columns, aboutRows),
  );
  const none = found.length > 0 ? [] : [row("No runbook has these words. Take some away.")];
  const find = ends(row(`find: ${model.find}`), counted, columns);
  return {
    rows: [find, blank, ...rows, ...none].slice(0, height),
    field: { at: 0, label: "find: ", value: model.find, id: "find", after: row("   ", ...counted) },
  };
}

/** Of the one that is highlighted as much is told as has room. */
function runbookRows(runbook: RunbookSummary, selected: boolean, width: number, most: number): readonly Row[] {
  const { destroy, write, hold, read } = runbook.effects;
  const counts =
    runbook.disabled === undefined
      ? `destroy ${destroy}  write ${write}  hold ${hold}  read ${read}`
      : `disabled: ${runbook.disabled}`;
  const head = row(selected ? "> " : "  ", span(runbook.id.padEnd(30), selected ? "strong" : "plain"), counts);
  if (!selected) return [head];
  return [
    head,
    ...(widthOf(head) > width ? labelled("", counts, width, { indent: 4, tone: "caution" }) : []),
    ...labelled("", runbook.title, width, { indent: 4, most: 2 }),
    ...labelled("", runbook.about, width, { indent: 4, most }),
  ];
}
