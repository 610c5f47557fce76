import { beginning, cleanForTerminal, cut, textWidth } from "../words/format.ts";

/** Meaning, not colour: every tone is readable without one. `alarm` is the production banner and the only one with a background. */
export type Tone = "plain" | "strong" | "alarm" | "caution" | "good" | "bad";

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

/** One line of a screen: printable ASCII only, but for values that somebody asked to see. */
export type Row = readonly Span[];

/** Whatever comes from elsewhere passes here before it is a row: no control character, no bidi, nothing but printable ASCII. */
export function span(text: string, tone: Tone = "plain"): Span {
  return { text: ascii(cleanForTerminal(text)), tone };
}

/** A value that somebody asked to see, as `visibleValue` made it: the letters of the people it is about stay as they are. */
export function valueSpan(text: string, tone: Tone = "plain"): Span {
  return { text, tone };
}

export function row(...parts: readonly (string | Span)[]): Row {
  return parts.map((part) => (typeof part === "string" ? span(part) : part));
}

export const blank: Row = [];

export function rowText(line: Row): string {
  return line.map((part) => part.text).join("");
}

export function widthOf(line: Row): number {
  return line.reduce((sum, part) => sum + textWidth(part.text), 0);
}

/** Not wider than the window; what is cut ends in `..`. */
export function fit(line: Row, width: number): Row {
  if (widthOf(line) <= width) return line;
  const kept: Span[] = [];
  let room = Math.max(0, width - 2);
  for (const part of line) {
    const text = beginning(part.text, room);
    kept.push({ ...part, text });
    room = text === part.text ? room - textWidth(text) : 0;
  }
  return [...kept, { text: "..".slice(0, width), tone: "plain" }];
}

/** Two ends of a line: the left one is cut first, the right one stays whole. */
export function ends(left: Row, right: Row, width: number): Row {
  const room = width - widthOf(right) - 2;
  if (widthOf(right) === 0) return fit(left, width);
  if (room < 8) return fit([...left, span("  "), ...right], width);
  const start = fit(left, room);
  return [...start, span(" ".repeat(width - widthOf(start) - widthOf(right))), ...right];
}

/** Words over as many lines as they need; a word that is wider than the line is broken, never lost. */
export function wrapText(text: string, width: number): readonly string[] {
  const room = Math.max(8, width);
  const lines: string[] = [];
  let line = "";
  for (const word of span(text)
    .text.split(" ")
    .flatMap((long) => pieces(long, room))) {
    if (line.length > 0 && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line.length > 0 ? `${line} ${word}` : word;
  }
  return [...lines, line];
}

/** `LABEL     text, wrapped under itself`; with `most`, the rest is cut with a mark. */
export function labelled(
  label: string,
  text: string,
  width: number,
  how: { indent?: number; most?: number; tone?: Tone } = {},
): readonly Row[] {
  const indent = Math.max(how.indent ?? 10, label === "" ? 0 : label.length + 1);
  const lines = limited(wrapText(text, width - indent), width - indent, how.most);
  return lines.map((line, index) =>
    row(span((index === 0 ? label : "").padEnd(indent), "strong"), span(line, how.tone ?? "plain")),
  );
}

/** The last row that is shown is filled to its end before it is cut. */
function limited(lines: readonly string[], room: number, most = Number.POSITIVE_INFINITY): readonly string[] {
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), cut(lines.slice(most - 1).join(" "), Math.max(8, room))];
}

function pieces(word: string, room: number): readonly string[] {
  if (word.length <= room) return [word];
  return Array.from({ length: Math.ceil(word.length / room) }, (_, i) => word.slice(i * room, (i + 1) * room));
}

function ascii(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

export interface Slice<T> {
  readonly shown: readonly T[];
  readonly from: number;
  readonly above: number;
  readonly below: number;
}

/** As much of a list as has room, around the item at `at`. */
export function around<T>(items: readonly T[], at: number, room: number): Slice<T> {
  const most = Math.max(1, room);
  const last = Math.max(0, items.length - most);
  const from = Math.min(last, Math.max(0, at - Math.floor(most / 2)));
  return slice(items, from, most);
}

/** As much of a text as has room, from the line at `top`; the end is never scrolled past. */
export function scrolled<T>(items: readonly T[], top: number, room: number): Slice<T> {
  const most = Math.max(1, room);
  const last = Math.max(0, items.length - most);
  return slice(items, Math.min(last, Math.max(0, top)), most);
}

function slice<T>(items: readonly T[], from: number, most: number): Slice<T> {
  const shown = items.slice(from, from + most);
  return { shown, from, above: from, below: Math.max(0, items.length - from - shown.length) };
}

/** `lines 3 to 9 of 24, PgUp PgDn`; empty where everything shows. */
export function whereIn(part: Slice<unknown>): string {
  if (part.above === 0 && part.below === 0) return "";
  const total = part.above + part.shown.length + part.below;
  return `lines ${part.from + 1} to ${part.from + part.shown.length} of ${total}, PgUp PgDn`;
}
