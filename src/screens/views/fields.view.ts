import { shortRunId } from "../../core/ids.ts";
import type { RunState } from "../../core/run-state.ts";
import { goesLines, staysLines } from "../../words/written-words.ts";
import type { Model, Route } from "../model.ts";
import { blank, labelled, type Row, row, scrolled, span, whereIn } from "../rows.ts";
import type { Body } from "./body.ts";
import { leaseLines } from "./result.view.ts";

export function noteBody(model: Model): Body {
  const rows = [
    row(span("A NOTE for the journal", "strong"), "   it is kept as it is: write no secret and no row's value"),
    blank,
    row(`note: ${model.draft}`),
  ];
  return { rows, field: { at: 2, label: "note: ", value: model.draft, id: "note" } };
}

export function writeBody(model: Model, route: Extract<Route, { kind: "write" }>): Body {
  const rows = [
    row(span(route.asks, "strong"), "   none of the list: write it by hand"),
    ...labelled("", `It may be ${route.byHand}. It is looked up and checked; nothing is changed.`, model.size.columns, {
      indent: 0,
    }),
    row(`value: ${model.draft}`),
  ];
  return { rows, field: { at: rows.length - 1, label: "value: ", value: model.draft, id: "write" } };
}

/** Giving a run up lets go of the evidence that it holds, so it is confirmed like an effect: its id, typed by hand. */
export function giveUpBody(model: Model, route: Extract<Route, { kind: "give-up" }>, height: number): Body {
  const { columns } = model.size;
  const head = row(span(`GIVE UP run ${shortRunId(route.run)}`, "strong"));
  const asks = [
    ...labelled("", "Type the run's short id, by hand, then Enter. Esc goes back, nothing happens.", columns, {
      indent: 0,
    }),
    row("  > ", span(`${model.typed.text}_`, "strong")),
  ];
  const price = priceRows(route.state, columns);
  const room = Math.max(1, height - asks.length - 2);
  const part = scrolled(price, model.cursors["give-up"] ?? 0, room);
  return {
    rows: [head, ...part.shown, row(whereIn(part)), ...asks],
    lastTop: Math.max(0, price.length - room),
    page: room,
  };
}

/** What it costs comes first: what is written stays and has no way back any more, what waits is gone. */
function priceRows(state: RunState, width: number): readonly Row[] {
  const rows = (label: string, lines: readonly string[], tone: "strong" | "plain") =>
    lines.flatMap((text, index) => labelled(index === 0 ? label : "", text, width, { tone }));
  return [
    ...rows("STAYS", staysLines(state), "strong"),
    ...rows("GOES", goesLines(state), "strong"),
    ...labelled("", givingUp, width, { indent: 0 }),
    ...rows("LEASES", leaseLines(state), "plain"),
  ];
}

const givingUp =
  "What it holds is given back, so rows that wait in a rescue area and evidence that is pinned are lost. What was written stays written. It can't be resumed after that.";
