import type { Row } from "./state.ts";

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const plain: Readonly<Record<string, string>> = { "\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r" };

/** One line as COPY writes it: tabs between, `\N` for null. */
export function toLine(row: Row, columns: readonly string[]): string {
  return columns.map((column) => field(row[column] ?? null)).join("\t");
}

export function fromLine(line: string, columns: readonly string[]): Row {
  const fields = line.split("\t");
  return Object.fromEntries(columns.map((column, at) => [column, value(fields[at] ?? "\\N")]));
}

function field(text: string | null): string {
  return text === null ? "\\N" : text.replace(/[\\\t\n\r]/g, (sign) => escapes[sign] ?? sign);
}

function value(text: string): string | null {
  return text === "\\N" ? null : text.replace(/\\[\\tnr]/g, (pair) => plain[pair] ?? pair);
}
