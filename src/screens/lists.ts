import type { Environment } from "../core/effect.ts";
import { environments } from "../core/effect.ts";
import type { RunSummary } from "../journal/journal.ts";
import type { RunbookSummary, TargetSummary } from "../runner/workbench.ts";
import { type Model, placeOf, routeOf } from "./model.ts";

/** What stands in the list of the start screen, in order: runs that are not closed, then environments, least dangerous first. */
export type StartItem =
  | { readonly kind: "run"; readonly run: RunSummary }
  | { readonly kind: "environment"; readonly environment: Environment; readonly targets: number };

export function startItems(model: Model): readonly StartItem[] {
  const runs = model.bench.runs.filter((run) => run.at !== null || run.status === "open" || run.status === "paused");
  const targetsOf = (environment: Environment) =>
    model.bench.targets.filter((target) => target.environment === environment).length;
  return [
    ...runs.map((run): StartItem => ({ kind: "run", run })),
    ...environments
      .toReversed()
      .map((environment): StartItem => ({ kind: "environment", environment, targets: targetsOf(environment) })),
  ];
}

export function targetItems(model: Model): readonly TargetSummary[] {
  const route = routeOf(model);
  if (route.kind !== "targets") return [];
  return model.bench.targets.filter((target) => target.environment === route.environment);
}

export function runbookItems(model: Model): readonly RunbookSummary[] {
  const words = model.find.toLowerCase().split(" ").filter(Boolean);
  return model.bench.runbooks.filter((runbook) => {
    const text = `${runbook.id} ${runbook.title} ${runbook.about}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** How many items the list of this place has; cursors stay inside it. */
export function listLength(model: Model): number {
  switch (placeOf(model)) {
    case "start":
      return startItems(model).length;
    case "targets":
      return targetItems(model).length;
    case "runbooks":
      return runbookItems(model).length;
    case "journal":
      return model.bench.runs.length;
    case "choice":
      return model.run?.question?.kind === "choice" ? model.run.question.choices.length : 0;
    default:
      return 0;
  }
}

/** A drill's server is a throw-away: only the command that made it can start it again. */
export function hasItsServer({ bench }: Model, { purpose, target }: RunSummary): boolean {
  return (purpose !== "drill" && purpose !== "demo") || bench.targets.some(({ name }) => name === target);
}
