import { utc } from "../../core/clock.ts";
import { shortRunId } from "../../core/ids.ts";
import type { RunSummary } from "../../journal/journal.ts";
import { duration, plural } from "../../words/format.ts";
import { endWords, timelineRows } from "../../words/timeline.ts";
import { cursorOf, type Model, type Route } from "../model.ts";
import { around, blank, ends, row, span } from "../rows.ts";
import type { Body } from "./body.ts";
import { banner } from "./heading.ts";
import { runMark } from "./start.view.ts";

export function journalBody(model: Model, height: number): Body {
  const { runs } = model.bench;
  const head = ends(
    row(span(`JOURNAL  ${plural(runs.length, "run")}, newest first`, "strong")),
    row(model.journalFile),
    model.size.columns,
  );
  if (runs.length === 0) return { rows: [head, blank, row("No run yet.")] };
  const cursor = Math.min(cursorOf(model), runs.length - 1);
  const part = around(runs, cursor, Math.max(1, height - 2));
  const rows = part.shown.map((run, index) => {
    const selected = part.from + index === cursor;
    return row(
      selected ? "> " : "  ",
      span(
        `${runMark(run)} ${run.short}  ${utc(run.openedAt).slice(5, 16)}Z  ${run.runbook.padEnd(26)} `,
        selected ? "strong" : "plain",
      ),
      banner(run.environment),
      ` ${run.database}  ${standing(run)}  ${duration(run.lastAt - run.openedAt)}  ${run.operator}`,
    );
  });
  return { rows: [head, ...rows, row(part.above + part.below > 0 ? `.. ${part.above + part.below} more` : "")] };
}

function standing(run: RunSummary): string {
  const open = run.purpose === "dry-run" ? `dry run ${run.status}` : run.status;
  const purpose = run.purpose === "demo" || run.purpose === "drill" ? `${run.purpose} ` : "";
  return `${purpose}${endWords(run) ?? open}`;
}

/** One run's events in order; the newest are shown first to the eye, at the bottom. */
export function timelineBody(model: Model, route: Extract<Route, { kind: "timeline" }>, height: number): Body {
  const { events, state } = route;
  const lines = timelineRows(events).map(({ since, words }) => row(since.padEnd(9), words));
  const room = Math.max(1, height - 2);
  const lastTop = Math.max(0, lines.length - room);
  const from = Math.max(0, lastTop - (model.cursors.timeline ?? 0));
  const head = ends(
    row(
      span(`TIMELINE ${shortRunId(state.run)}`, "strong"),
      `   began ${utc(state.openedAt)}, ${plural(events.length, "event")}`,
    ),
    row(lastTop > 0 ? `${from + 1} to ${Math.min(lines.length, from + room)} of ${lines.length}` : ""),
    model.size.columns,
  );
  return { rows: [head, ...lines.slice(from, from + room)], lastTop };
}
