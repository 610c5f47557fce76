import type { RevealedRow } from "../core/step.ts";
import { cut, plural, textWidth } from "./format.ts";

/** One column of a row that is shown: the rescued value, and today's beside it. */
export interface ShownCell {
  readonly column: string;
  readonly rescued: string;
  readonly present: string | null;
  readonly differs: boolean;
}

export interface ShownRow {
  readonly head: string;
  readonly cells: readonly ShownCell[];
}

const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}\uFE00-\uFE0F]/gu;
const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** More than any window has columns; a value may have a gigabyte. */
const longest = 2000;

/** A value as text for one row of a terminal: nothing in it is obeyed, and nothing is left out without the mark `..`. */
export function visibleValue(value: string | null): string {
  if (value === null) return "(null)";
  if (value.length > longest) return `${value.slice(0, longest).toWellFormed().replaceAll(unseen, spelled)}..`;
  return value === "" ? "(empty)" : value.replaceAll(unseen, spelled);
}

/** Rescued rows with today's beside them, in the order in which they came. */
export function shownRows(rows: readonly RevealedRow[]): readonly ShownRow[] {
  return rows.map((row, index) => {
    const { present, from } = row;
    const nth = rows.slice(0, index).filter((other) => other.from === from).length + 1;
    const many = rows.filter((other) => other.from === from).length;
    const cells = Object.entries(row.rescued).map(([column, value]): ShownCell => {
      const now = present?.[column] ?? null;
      return {
        column: visibleValue(column),
        rescued: visibleValue(value),
        present: present === null ? null : visibleValue(now),
        differs: present !== null && now !== value,
      };
    });
    return { head: `${from}   row ${nth} of ${many}   ${todayWords(present, cells)}`, cells };
  });
}

/** For plain lines: one column a line, cut with a mark at `width`. */
export function valueLines(rows: readonly RevealedRow[], by: string, width = 200): readonly string[] {
  return [
    `${plural(rows.length, "sample row")}, rescued beside present. The journal has recorded that they were shown to ${by}, and holds no value.`,
    ...shownRows(rows).flatMap(({ head, cells }) => [
      head,
      ...cells.map((cell) =>
        cut(`  ${cell.column} = ${cell.rescued}${cell.differs ? `   today: ${cell.present ?? ""}` : ""}`, width),
      ),
    ]),
    "What was shown stays in this terminal's scroll-back: clear it when you have read it.",
  ];
}

/** Exactly `width` columns, cut with a mark. */
export function cell(text: string, width: number): string {
  const shown = cut(text, width);
  return shown + " ".repeat(Math.max(0, width - textWidth(shown)));
}

function todayWords(present: RevealedRow["present"], cells: readonly ShownCell[]): string {
  if (present === null) return "not in the table today";
  const differing = cells.filter(({ differs }) => differs).length;
  return differing === 0
    ? "in the table today, equal"
    : `in the table today, ${plural(differing, "column differs", "columns differ")}`;
}

function spelled(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return named[character] ?? (code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`);
}
