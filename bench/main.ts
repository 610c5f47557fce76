/**
 * `npm run bench [-- P1 P3 P4] [--write]`: each bar of docs/benchmarks.md with its peer in the same run, one after the other. Ends with 1 when
 * a bar is missed, with 2 when something could not be measured: then nothing is claimed, and nothing written.
 */
import { readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "prettier";
import { type Figure, printFigures } from "./timing.ts";

const page = path.resolve(import.meta.dirname, "../docs/benchmarks.md");

const bars: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  P1: async () => [
    ...(await (await import("./rows-back.ts")).rowsBack()),
    ...(await (await import("./wal-rows.ts")).walRows()),
    ...(await (await import("./clone-rows.ts")).cloneRows()),
  ],
  growth: async () => (await import("./growth.ts")).growth(),
  P3: async () => (await import("./journaled-step.ts")).journaledStep(),
  P4: async () => (await import("./first-frame.ts")).firstFrame(),
};

const usage = `npm run bench -- [${Object.keys(bars).join(" ")}] [--write]
  Measures these bars of docs/benchmarks.md, or all, each with its peer; ends with 1 when one is missed.
  --write   puts the figures into docs/benchmarks.md
  --help    this, and nothing else
`;

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage);
    return 0;
  }
  const named = args.filter((arg) => arg !== "--write");
  const stranger = named.find((arg) => !Object.hasOwn(bars, arg));
  if (stranger !== undefined) {
    process.stderr.write(`there is no bar ${stranger}: take ${Object.keys(bars).join(", ")}, or none for all\n`);
    return 2;
  }
  const taken = named.length > 0 ? Object.keys(bars).filter((id) => named.includes(id)) : Object.keys(bars);
  process.stdout.write(`${machine()}\n\n`);
  try {
    const figures = await measured(taken);
    printFigures(figures);
    if (args.includes("--write")) await write(figures, taken);
    return figures.every((figure) => figure.met) ? 0 : 1;
  } catch (error) {
    process.stderr.write(
      `not measured, so nothing is claimed: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
    return 2;
  }
}

async function write(figures: readonly Figure[], taken: readonly string[]): Promise<void> {
  const text = recorded(readFileSync(page, "utf8"), figures, heading(taken));
  writeFileSync(page, await format(text, { parser: "markdown" }));
}

async function measured(ids: readonly string[]): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const id of ids) {
    process.stderr.write(`measuring ${id} ..\n`);
    figures.push(...((await bars[id]?.()) ?? []));
  }
  assertMeasured(figures);
  return figures;
}

/** A figure that is no number would meet or miss its bar by accident. */
export function assertMeasured(figures: readonly Figure[]): void {
  const bad = figures.find(
    ({ value, ratio }) => /NaN|Infinity/.test(value) || (ratio !== null && !Number.isFinite(ratio)),
  );
  if (bad !== undefined) throw new Error(`${bad.id}, ${bad.what}: ${bad.value}`);
  if (figures.length === 0) throw new Error("no figure was taken");
}

/** Cores and memory; nothing that names the machine. */
function machine(): string {
  const memory = Math.round(os.totalmem() / 1024 ** 3);
  return `${os.availableParallelism()} cores, ${memory} GiB memory, Node ${process.versions.node}, ${process.platform} ${process.arch}`;
}

function heading(ids: readonly string[]): string {
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${machine()}, \`npm run bench -- ${ids.join(" ")} --write\``;
}

/** The page with each measured bar's rows put between its marks; other bars keep the run that they have. */
export function recorded(text: string, figures: readonly Figure[], taken: string): string {
  return [...new Set(figures.map((figure) => figure.id))].reduce((page, id) => {
    const [begin, end] = [`<!-- ${id}: begin -->`, `<!-- ${id}: end -->`];
    const [from, to] = [page.indexOf(begin), page.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no marked place for ${id}`);
    const table = tableOf(figures.filter((figure) => figure.id === id));
    return `${page.slice(0, from + begin.length)}\n\n${taken}\n\n${table}\n\n${page.slice(to)}`;
  }, text);
}

/** As `printFigures` prints it, without the id, which is the heading's. */
function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, value, peer, ratio, bar, met }) =>
    [
      what,
      value,
      peer,
      ratio === null ? "" : `${ratio.toFixed(2)} x`,
      bar,
      bar === "none" ? "" : met ? "met" : "MISSED",
    ].join(" | "),
  );
  return ["what | ours | peer, same run | ratio | bar |", "--- | --- | --- | --- | --- | ---", ...rows]
    .map((row) => `| ${row} |`)
    .join("\n");
}
