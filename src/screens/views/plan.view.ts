import type { Effect, Environment } from "../../core/effect.ts";
import { shortDigest, type Plan, type PlannedStep } from "../../core/plan.ts";
import type { Model } from "../model.ts";
import { blank, labelled, type Row, row, scrolled, span, whereIn } from "../rows.ts";
import type { Body } from "./body.ts";
import { mainOf } from "./heading.ts";

/** What the run will do, before anything is begun: every step with its effect, why, and what will be asked first. */
export function planBody(model: Model, plan: Plan, height: number): Body {
  const { columns } = model.size;
  const { environment } = mainOf(plan.targets);
  const head = [
    row(span(`PLAN  ${plan.runbook.title}`, "strong")),
    row(`${plan.steps.length} steps   digest ${shortDigest(plan.digest)}, frozen when the run begins`),
    ...inputRows(plan, columns),
  ];
  const foot = [...totalRows(plan, environment, columns)];
  const lines = plan.steps.flatMap((step, index) => stepLines(step, index + 1, columns));
  const room = Math.max(1, height - head.length - foot.length - 1);
  const part = scrolled(lines, model.cursors.plan ?? 0, room);
  return {
    rows: [...head, ...part.shown, row(whereIn(part)), ...foot],
    lastTop: Math.max(0, lines.length - room),
    page: room,
  };
}

function inputRows(plan: Plan, width: number): readonly Row[] {
  const words = Object.entries(plan.inputs).map(
    ([name, value]) => `${name} = ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return words.length === 0 ? [blank] : labelled("INPUTS", words.join(", "), width, { indent: 8, most: 2 });
}

function stepLines(step: PlannedStep, number: number, width: number): readonly Row[] {
  const acting = step.effect === "write" || step.effect === "destroy";
  const effect = acting ? step.effect.toUpperCase() : step.effect;
  const extra = [
    step.each === undefined ? "" : "for each item of a list",
    step.when === undefined ? "" : "only where needed",
    step.choose === undefined ? "" : "then you choose",
  ].filter((part) => part !== "");
  const more = extra.length > 0 ? `   (${extra.join("; ")})` : "";
  return [
    row(`${String(number).padStart(2)} `, span(effect.padEnd(8), acting ? "strong" : "plain"), `${step.title}${more}`),
    ...(step.why === "" ? [] : labelled("", step.why, width, { indent: 11 })),
  ];
}

function totalRows(plan: Plan, environment: Environment, width: number): readonly Row[] {
  const has = (effect: Effect) => plan.steps.filter((step) => step.effect === effect).length;
  const totals = (["destroy", "write", "hold", "read"] as const).map((effect) => `${has(effect)} ${effect}`).join(", ");
  const asks = (["hold", "write", "destroy"] as const)
    .filter((effect) => has(effect) > 0)
    .map((effect) => `${effect}: ${askedFor(effect, environment)}`);
  return [
    ...labelled("TOTAL", `${totals}.${has("destroy") === 0 ? " It destroys nothing." : ""}`, width, { indent: 8 }),
    ...(asks.length > 0 ? labelled("ASKS", `${asks.join("; ")}.`, width, { indent: 8, most: 2 }) : []),
  ];
}

/** The danger ladder of design rule 6, in words. */
export function askedFor(effect: Exclude<Effect, "read">, environment: Environment): string {
  if (effect === "hold") return "g on its preview";
  if (effect === "destroy") return "the database's name, typed";
  if (environment === "sandbox") return "g on its preview";
  return environment === "staging" ? "its verb, typed" : "the database's name, typed";
}
