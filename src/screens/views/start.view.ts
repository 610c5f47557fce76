import type { Environment } from "../../core/effect.ts";
import type { RunSummary } from "../../journal/journal.ts";
import { plural } from "../../words/format.ts";
import { type StartItem, startItems, targetItems } from "../lists.ts";
import { cursorOf, type Model, routeOf } from "../model.ts";
import { blank, ends, type Row, row, span } from "../rows.ts";
import type { Body } from "./body.ts";
import { banner } from "./heading.ts";
import { utc } from "../../core/clock.ts";

/** Open runs first; then: which environment. Nothing is chosen for the operator, and Enter starts nothing. */
export function startBody(model: Model, height: number): Body {
  const items = startItems(model);
  const runs = items.filter((item) => item.kind === "run").length;
  const width = model.size.columns;
  const rows = items.map((item, index) => ({
    id: item.kind === "run" ? item.run.run : item.environment,
    heading: headingOf(item, index, runs, width),
    rows: itemRows(item, width),
  }));
  const cursor = Math.min(cursorOf(model), items.length - 1);
  const tallest = runs > 0 && width < 100 ? 2 : 1;
  return { rows: [], pick: { at: 0, items: rows, cursor, limit: Math.max(1, Math.floor((height - 3) / tallest)) } };
}

/** An open run: its state by shape, what it is, where it stands; on a narrow window, the last on a row of its own, above the mark. */
function runRows(run: RunSummary, width: number): readonly Row[] {
  const line = row(`${runMark(run)} ${run.short}  ${run.runbook}  `, banner(run.environment), ` ${run.database}`);
  const where = `${run.purpose === "live" ? "" : `${run.purpose}  `}${standing(run)}`;
  return width < 100 ? [line, row(`      ${where}`)] : [[...line, ...row(`  ${where}`)]];
}

export function runMark(run: RunSummary): string {
  if (run.status === "done") return "[x]";
  if (run.status === "abandoned") return "[-]";
  if (run.driven) return "[>]";
  return run.at?.unknown === true || run.status === "open" ? "[?]" : "[#]";
}

function standing(run: RunSummary): string {
  const at = run.at === null ? "" : ` at step ${run.at.number} of ${run.at.of}`;
  const when = utc(run.lastAt).slice(11);
  if (run.status === "done" || run.status === "abandoned") return `${run.status} ${when}`;
  if (run.driven) return `driven now by another process${at}`;
  return run.status === "open" ? `killed ${when}${at}` : `paused ${when}${at}`;
}

function headingOf(item: StartItem, index: number, runs: number, width: number): readonly Row[] {
  if (item.kind === "run") {
    return index > 0
      ? []
      : [ends(row(span(`OPEN RUNS (${runs})`, "strong")), row("Enter looks, starts nothing"), width)];
  }
  if (index !== runs) return [];
  const heading = ends(row(span("NEW RUN: which environment?", "strong")), row("nothing is chosen for you"), width);
  return runs > 0 ? [blank, heading] : [heading];
}

function itemRows(item: StartItem, width: number): readonly Row[] {
  if (item.kind === "run") return runRows(item.run, width);
  const name = banner(item.environment);
  const line = row(
    name,
    " ".repeat(19 - name.text.length),
    asks[item.environment].padEnd(50),
    plural(item.targets, "target"),
  );
  return [line];
}

const asks: Readonly<Record<Environment, string>> = {
  sandbox: "throw-away; safeguards are skipped, and said so",
  staging: "the verb is typed before a write",
  production: "the database's name is typed before a write",
};

export function targetsBody(model: Model, height: number): Body {
  const items = targetItems(model).map((target) => ({
    id: target.name,
    heading: [],
    rows: [
      row(
        `${target.name.padEnd(24)} ${target.database.padEnd(24)} ${target.engine}${target.tier === undefined ? "" : `   ${target.tier}`}`,
      ),
    ],
  }));
  const route = routeOf(model);
  const environment = route.kind === "targets" ? route.environment : "sandbox";
  const rows = [row(span(`TARGETS in ${environment}`, "strong"), "   name, database, engine")];
  return {
    rows,
    pick: { at: 1, items, cursor: Math.min(cursorOf(model), Math.max(0, items.length - 1)), limit: height - 2 },
  };
}
