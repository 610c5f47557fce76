import { shortRunId } from "../../core/ids.ts";
import type { Model, Route } from "../model.ts";
import { blank, labelled, row, scrolled, span, whereIn } from "../rows.ts";
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
  const question = [
    row(span(`GIVE UP run ${shortRunId(route.run)}`, "strong")),
    ...labelled("", givingUp, columns, { indent: 0 }),
    blank,
    ...labelled("", "Type the run's short id, by hand, then Enter. Esc goes back, nothing happens.", columns, {
      indent: 0,
    }),
    row("  > ", span(`${model.typed.text}_`, "strong")),
    blank,
  ];
  const held = leaseLines(route.state).flatMap((text, index) => labelled(index === 0 ? "LEASES" : "", text, columns));
  const room = height - question.length - 1;
  const part = scrolled(held, model.cursors["give-up"] ?? 0, room);
  return {
    rows: [...question, ...part.shown, row(whereIn(part))],
    lastTop: Math.max(0, held.length - room),
    page: room,
  };
}

const givingUp =
  "What it holds is given back, so rows that wait in a rescue area and evidence that is pinned are lost. What was written stays written. It can't be resumed after that.";
