import { bindingsAt } from "../keys.ts";
import type { Model, Place } from "../model.ts";
import { blank, labelled, type Row, row, scrolled, span, whereIn } from "../rows.ts";
import type { Body } from "./body.ts";

/** The keys of the screen that help was asked for, with the reason where one does nothing just now. */
export function helpBody(model: Model, of: Place, height: number): Body {
  const behind: Model = { ...model, routes: model.routes.slice(0, -1) };
  const all = bindingsAt(of);
  // A list's Up stands for both.
  const both = all.some(({ shows }) => shows === "Up/Down");
  const rows = all
    .filter(({ shows }) => !both || shows !== "Down")
    .flatMap((bound) => {
      const enabled = bound.enabled(behind);
      const more = enabled === true ? (bound.help?.(behind) ?? "") : `   not now: ${enabled}`;
      return labelled(`  ${bound.shows}`, `${bound.label}${more}`, model.size.columns, { indent: 14 });
    });
  const lines = [
    row(span("KEYS ON THAT SCREEN", "strong"), "   Esc goes back to it"),
    ...rows,
    blank,
    ...legend(model.size.columns),
  ];
  const part = scrolled(lines, model.cursors.help ?? 0, height - 1);
  return { rows: [...part.shown, row(whereIn(part))], lastTop: Math.max(0, lines.length - height + 1) };
}

/** What no key of the table says, wrapped where the window is narrow. */
function legend(width: number): readonly Row[] {
  const state = (mark: string, words: string) => labelled(`  ${mark}`, words, width, { indent: 6 });
  return [
    row(span("STATES", "strong")),
    ...state("[ ]", "to come   [>] now   [x] done   [-] skipped   [!] failed"),
    ...state("[#]", "waits for you"),
    ...state("[~]", "stopped in the middle: what is done stays, and it goes on from there"),
    ...state("[?]", "UNKNOWN: neither done nor failed, until the server was asked"),
    ...stopping.flatMap((text) => labelled("", text, width, { indent: 0 })),
  ];
}

const stopping = [
  "^C once stops at the next safe point, twice cancels the statement, three times exits at once. Each leaves a run that can be resumed.",
  "Enter alone never confirms an effect. q never destroys anything.",
];
