import type { Cell, Colour } from "../../test/support/cells.ts";

export interface Picture {
  /** What it shows, for who can't see it. */
  readonly title: string;
  readonly rows: readonly (readonly Cell[])[];
}

const size = 14;
const wide = 8.4;
const high = 19;
const margin = 14;
const bar = 26;

/** A window with the cells in it, as one SVG that needs nothing from elsewhere. It has a ground of its own: dark and light pages both show it. */
export function svgOf({ title, rows }: Picture): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const [width, height] = [Math.ceil(columns * wide + 2 * margin), rows.length * high + bar + 2 * margin];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${ground}" stroke="#6e7681"/>`,
    ...[18, 36, 54].map((x) => `<circle cx="${x}" cy="${bar / 2 + 3}" r="5" fill="#484f58"/>`),
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${size}">`,
    ...rows.flatMap((row, index) => rowOf(row, bar + margin + index * high)),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/** What was drawn, row by row, read back from the picture: only what an eye finds there. */
export function wordsIn(svg: string): readonly string[] {
  const rows = new Map<number, string>();
  for (const [, x = "", y = "", text = ""] of svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)<\/text>/g)) {
    const column = Math.round((Number(x) - margin) / wide);
    rows.set(Number(y), (rows.get(Number(y)) ?? "").padEnd(column) + unescaped(text));
  }
  return [...rows].toSorted(([a], [b]) => a - b).map(([, text]) => text.trimEnd());
}

interface Run {
  readonly column: number;
  readonly columns: number;
  readonly text: string;
  readonly look: Look;
}

interface Look {
  readonly fill: string;
  readonly ground: string;
  readonly bold: boolean;
  readonly underline: boolean;
  readonly dim: boolean;
}

function rowOf(cells: readonly Cell[], top: number): readonly string[] {
  const runs = runsOf(cells);
  return [
    ...runs.filter(({ look }) => look.ground !== ground).map((run) => groundOf(run, top)),
    ...runs.flatMap((run) => textsOf(run, top)),
  ];
}

/** Neighbours that look the same are one piece of text; its width is set, so that any font keeps the columns. */
function runsOf(cells: readonly Cell[]): readonly Run[] {
  const runs: Run[] = [];
  for (const [column, cell] of cells.entries()) {
    const look = lookOf(cell);
    const last = runs.at(-1);
    if (last !== undefined && sameLook(last.look, look))
      runs[runs.length - 1] = { ...last, columns: last.columns + 1, text: last.text + cell.text };
    else runs.push({ column, columns: 1, text: cell.text, look });
  }
  return runs;
}

function lookOf({ front, back, bold, dim, underline, inverse }: Cell): Look {
  const [own, under] = [hexOf(front, text), hexOf(back, ground)];
  return { fill: inverse ? under : own, ground: inverse ? own : under, bold, dim, underline };
}

function sameLook(a: Look, b: Look): boolean {
  return (
    a.fill === b.fill && a.ground === b.ground && a.bold === b.bold && a.dim === b.dim && a.underline === b.underline
  );
}

function groundOf({ column, columns, look }: Run, top: number): string {
  const box = `x="${place(column)}" y="${top}" width="${round(columns * wide)}" height="${high}"`;
  return `<rect ${box} fill="${look.ground}"/>`;
}

/** Words with one blank between them stand together; more blanks are room that is left, so that no reader of SVG can fold them. */
function textsOf({ column, text: whole, look }: Run, top: number): readonly string[] {
  const style = [
    `fill="${look.fill}"`,
    ...(look.bold ? ['font-weight="bold"'] : []),
    ...(look.dim ? ['opacity="0.7"'] : []),
    ...(look.underline ? ['text-decoration="underline"'] : []),
  ].join(" ");
  return [...whole.matchAll(/\S+(?: \S+)*/g)].map(({ 0: words, index }) => {
    const where = `x="${place(column + index)}" y="${top + size}" textLength="${round(words.length * wide)}"`;
    return `<text ${where} lengthAdjust="spacingAndGlyphs" ${style}>${escaped(words)}</text>`;
  });
}

const place = (column: number) => round(margin + column * wide);
const round = (n: number) => String(Math.round(n * 10) / 10);

const ground = "#0d1117";
const text = "#e6edf3";

/** The first sixteen, as they read well on the ground. */
const palette = [
  "#484f58 #ff7b72 #7ee787 #e3b341 #79c0ff #d2a8ff #76e3ea #c9d1d9",
  "#8b949e #ffa198 #a5f3b5 #f2cc60 #a5d6ff #e2c5ff #b3f0ff #ffffff",
].flatMap((eight) => eight.split(" "));

function hexOf(colour: Colour, otherwise: string): string {
  switch (colour.kind) {
    case "default":
      return otherwise;
    case "rgb":
      return `#${colour.value.toString(16).padStart(6, "0")}`;
    case "palette":
      return palette[colour.index] ?? cubeOf(colour.index);
  }
}

/** 16 to 231 are a cube of six steps, 232 to 255 greys. */
function cubeOf(index: number): string {
  const grey = 8 + (index - 232) * 10;
  const steps = [0, 95, 135, 175, 215, 255];
  const at = index - 16;
  const parts =
    index >= 232 ? [grey, grey, grey] : [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map((n) => steps[n] ?? 0);
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function unescaped(words: string): string {
  return words.replaceAll("&quot;", '"').replaceAll("&gt;", ">").replaceAll("&lt;", "<").replaceAll("&amp;", "&");
}
