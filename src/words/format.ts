import type { Environment } from "../core/effect.ts";
import type { StepStatus } from "../core/run-state.ts";

/** `1,123,347` */
export function count(n: number): string {
  return Math.round(n).toLocaleString("en-US");
}

/** `1 row`, `2 rows`, `1,204 rows`; the plural is given where it is not the singular and an s. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${Math.round(n) === 1 ? one : many}`;
}

/** A unit beside its number: `tables`, and of one `table`. */
export function unitOf(n: number, unit: string): string {
  return n === 1 && /[^s]s$/.test(unit) ? unit.slice(0, -1) : unit;
}

/** With a full stop at its end, unless it ends in a mark of its own. */
export function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

const byteUnits = ["B", "KB", "MB", "GB", "TB", "PB"] as const;

/** `412 B`, `8.2 KB`, `412 MB`: powers of 1,000; a digit after the point only below 10. */
export function bytes(n: number): string {
  let [value, power] = [Math.max(0, n), 0];
  while (Math.round(value) >= 1000 && power < byteUnits.length - 1) [value, power] = [value / 1000, power + 1];
  const digits = power > 0 && value < 9.95 ? 1 : 0;
  return `${value.toLocaleString("en-US", { maximumFractionDigits: digits })} ${byteUnits[power] ?? ""}`;
}

/** Milliseconds as `0:04`, `6:02`, `1:03:09`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (part: number) => String(part).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** What is expected to take so many milliseconds: `about 1:00`, `under a second`. */
export function expected(ms: number): string {
  return ms < 1000 ? "under a second" : `about ${duration(ms)}`;
}

/** `6,480 rows/s` for what was done between two instants; empty while less than a second has passed, and for a few large things. */
export function rate(done: number, fromMs: number, nowMs: number, unit = "rows"): string {
  const passed = nowMs - fromMs;
  const speed = (done * 1000) / passed;
  return passed < 1000 || speed < fewest ? "" : `${count(speed)} ${unit}/s`;
}

/** "1 tables/s" tells nobody anything. */
const fewest = 2;

/** What `eta` looks at; a step's `progress` in the run state fits. `since` and `from`: when and where this attempt began. */
export interface Progressed {
  readonly done: number;
  readonly total?: number;
  readonly since: number;
  readonly from: number;
}

/** `1:00`; null before 5 s and 3 % have passed, and where no total is known: before that it would be a guess. */
export function eta(progress: Progressed, nowMs: number): string | null {
  const { done, total, since, from } = progress;
  const passed = nowMs - since;
  if (total === undefined || total <= 0 || passed < 5000 || done <= from || done / total < 0.03) return null;
  return duration(((total - done) * passed) / (done - from));
}

/** `60.1 %`; never 100 before everything is done. */
export function percent(done: number, total: number): string {
  if (total <= 0) return "0.0 %";
  const share = Math.min(1, Math.max(0, done / total)) * 100;
  return `${(done < total ? Math.min(99.9, share) : 100).toFixed(1)} %`;
}

const controls = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;
const wide =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Yi}\u3000-\u303E\u30FB-\u30FF\uFE10-\uFE19\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6]/u;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * Text from anywhere else, made safe for one row: line ends and tabs become spaces, control and bidi characters are spelled out
 * (`\x1b`, `\u202e`), so that they can be seen and do nothing, and what is wider than `max` columns is cut with the mark `..`.
 */
export function cleanForTerminal(text: string, max = Number.POSITIVE_INFINITY): string {
  const flat = text.toWellFormed().replaceAll(/\r\n|[\r\n\t]/g, " ");
  return cut(flat.replaceAll(controls, spelled), max);
}

function spelled(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
}

/** Columns that a terminal needs for it. */
export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  return Array.from(graphemes.segment(text), ({ segment }) => (wide.test(segment) ? 2 : 1)).reduce<number>(
    (a, b) => a + b,
    0,
  );
}

/** What is wider than `max` columns ends in `..`. */
export function cut(text: string, max: number): string {
  if (text.length * 2 <= max || beginning(text, max) === text) return text;
  return max < 2 ? "..".slice(0, Math.max(0, max)) : `${beginning(text, max - 2)}..`;
}

/** As much of it as `max` columns hold; no character is split. */
export function beginning(text: string, max: number): string {
  let [kept, width] = ["", 0];
  for (const { segment } of graphemes.segment(text)) {
    width += wide.test(segment) ? 2 : 1;
    if (width > max) return kept;
    kept += segment;
  }
  return kept;
}

/** What is taken as it stands (a command, SQL for by hand, an event as JSON): broken in two it would be another one. */
const pasted =
  /^\s*(?:\{|(?:holdfast|node|\S*\/\S+|'[^']+') +(?:\S*main\.js|run|resume|journal|init|lint|demo|drill)\b)|by hand[:,]|in (?:a shell|SQL|holdfast\.yaml):/;

/** One line as it shows in a window of so many columns: broken between words, each row after the first set in a little more. */
export function wrapWords(line: string, columns: number): readonly string[] {
  if (textWidth(line) <= columns || pasted.test(line)) return [line];
  const indent = /^ */.exec(line)?.[0] ?? "";
  const rows: string[] = [];
  let current = indent;
  for (const word of line.slice(indent.length).split(/(?<=\S) (?=\S)|(?<=\s)(?=\S)/)) {
    const begun = current.trim() !== "";
    const joined = begun ? `${current}${current.endsWith(" ") ? "" : " "}${word}` : `${current}${word}`;
    if (!begun || textWidth(joined.trimEnd()) <= columns) current = joined;
    else {
      rows.push(current.trimEnd());
      current = `${indent}  ${word}`;
    }
  }
  return [...rows, current.trimEnd()];
}

/** The environment by word and shape, so that no colour is needed to tell. */
export function environmentBanner(environment: Environment): string {
  switch (environment) {
    case "production":
      return "!! PRODUCTION !!";
    case "staging":
      return "== staging ==";
    case "sandbox":
      return ".. sandbox ..";
  }
}

/** The state of a step by shape: three characters, ASCII. */
export function stepMark(status: StepStatus): string {
  switch (status) {
    case "todo":
      return "[ ]";
    case "checking":
    case "running":
      return "[>]";
    case "waiting":
      return "[#]";
    case "stopped":
      return "[~]";
    case "done":
      return "[x]";
    case "skipped":
      return "[-]";
    case "failed":
      return "[!]";
    case "unknown":
      return "[?]";
  }
}
