import { bindingsAt } from "../keys.ts";
import type { Model, Place } from "../model.ts";
import { blank, labelled, row, scrolled, span, whereIn } from "../rows.ts";
import type { Body } from "./body.ts";

/** The keys of the screen that help was asked for, with the reason where one does nothing just now. */
export function helpBody(model: Model, of: Place, height: number): Body {
  const behind: Model = { ...model, routes: model.routes.slice(0, -1) };
  const rows = bindingsAt(of).flatMap((bound) => {
    const enabled = bound.enabled(behind);
    const more = enabled === true ? (bound.help?.(behind) ?? "") : `   not now: ${enabled}`;
    return labelled(`  ${bound.shows}`, `${bound.label}${more}`, model.size.columns, { indent: 14 });
  });
  const lines = [row(span("KEYS ON THAT SCREEN", "strong"), "   Esc goes back to it"), ...rows, blank, ...legend];
  const part = scrolled(lines, model.cursors.help ?? 0, height - 1);
  return { rows: [...part.shown, row(whereIn(part))], lastTop: Math.max(0, lines.length - height + 1) };
}

const legend = [
  row(span("STATES", "strong")),
  row("  [ ] to come   [>] now   [x] done   [-] skipped   [!] failed"),
  row("  [~] stopped in the middle: what is done stays, and it goes on from there"),
  row("  [?] UNKNOWN: neither done nor failed, until the server was asked   [#] waits for you"),
  row("^C once stops at the next safe point, twice cancels the statement,"),
  row("three times exits at once. Each leaves a run that can be resumed."),
  row("Enter alone never confirms an effect. q never destroys anything."),
];
