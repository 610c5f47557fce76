import type { Environment } from "../../core/effect.ts";
import { shortRunId } from "../../core/ids.ts";
import type { RunState } from "../../core/run-state.ts";
import type { PlannedTarget } from "../../core/target.ts";
import { utc } from "../../core/clock.ts";
import { environmentBanner } from "../../words/format.ts";
import { type Model, type Route, routeOf } from "../model.ts";
import { ends, fit, type Row, row, type Span, span } from "../rows.ts";

/** Row 1 of every screen: which environment, which database on which server, which run. */
export function headerRow(model: Model): Row {
  const { columns } = model.size;
  const route = routeBehindHelp(model);
  const state = runInView(model);
  if (state !== null) return runHeader(state, columns);
  if (route.kind === "plan")
    return targetHeader(mainOf(route.plan.targets), `plan of ${route.plan.runbook.id}`, columns);
  if (route.kind === "runbooks" || route.kind === "inputs") {
    const about = route.kind === "inputs" ? route.runbook.id : "which runbook?";
    return targetHeader(route.target, about, columns);
  }
  if (route.kind === "targets") return ends(row(banner(route.environment), "  which target?"), clock(model), columns);
  return ends(row(span("Holdfast", "strong"), `   ${model.who}`), clock(model), columns);
}

/** Help stands in front of a screen, and takes away nothing of what it is about. */
function routeBehindHelp(model: Model): Route {
  return model.routes.findLast((route) => route.kind !== "help") ?? routeOf(model);
}

/** The run that the screen is about: driven here, or read from the journal. */
export function runInView(model: Model): RunState | null {
  for (const route of model.routes.toReversed()) {
    if (route.kind === "resume" || route.kind === "timeline" || route.kind === "give-up") return route.state;
    if (route.kind === "run") return model.run;
  }
  return null;
}

export function banner(environment: Environment): Span {
  const tone = environment === "production" ? "alarm" : environment === "staging" ? "caution" : "plain";
  return span(environmentBanner(environment), tone);
}

export function environmentOf(state: RunState): Environment {
  return mainOf(state.plan.targets).environment;
}

export function mainOf(targets: Readonly<Record<string, PlannedTarget>>): PlannedTarget {
  const found = targets.main ?? Object.values(targets)[0];
  if (found === undefined) throw new Error("a plan has at least one target");
  return found;
}

/** `DRY RUN`, `DRILL`, `DEMO`; nothing for a live run. */
export function purposeMark(state: RunState): string {
  return state.purpose === "live" ? "" : `${state.purpose.toUpperCase().replace("-", " ")}  `;
}

function runHeader(state: RunState, columns: number): Row {
  const target = mainOf(state.plan.targets);
  const identity = state.identities.main ?? Object.values(state.identities)[0];
  const where = identity === undefined ? `@ ${target.name} (not asked yet)` : `@ ${identity.words}`;
  const name = row(banner(target.environment), "  ", span(identity?.database ?? target.database, "strong"));
  const mark = purposeMark(state);
  const run = `${mark}${shortRunId(state.run)} ${state.plan.runbook.id}`;
  const short = `${mark}${shortRunId(state.run)}`;
  const wanted = [...name, span(` ${where}`)];
  const roomy = columns >= 90;
  return ends(wanted, row(span(roomy ? run : short, "strong")), columns);
}

function targetHeader(
  target: { readonly environment: Environment; readonly database: string; readonly name: string },
  about: string,
  columns: number,
): Row {
  const left = row(banner(target.environment), "  ", span(target.database, "strong"), ` @ ${target.name}`);
  return fit(ends(left, row(about), columns), columns);
}

function clock(model: Model): Row {
  return row(utc(model.now));
}
