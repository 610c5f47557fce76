import type { InputField } from "../../runner/workbench.ts";
import type { InputForm, Model } from "../model.ts";
import { routeOf } from "../model.ts";
import { around, blank, labelled, type Row, row, span } from "../rows.ts";
import type { Body } from "./body.ts";

/** One row a field: name, what was written, and what is thought of it. Suggestions stand below the field that has the focus. */
export function inputsBody(model: Model, height: number): Body {
  const route = routeOf(model);
  if (route.kind !== "inputs") return { rows: [] };
  const { form, size } = model;
  const above: Row[] = [row(span(route.runbook.title, "strong")), blank];
  let slot = { at: above.length, label: "", value: "", id: "" };
  for (const [index, field] of route.runbook.inputs.entries()) {
    const value = form.values[field.name] ?? "";
    if (index === form.field) slot = { at: above.length, label: labelOf(field, true), value, id: field.name };
    above.push(row(span(labelOf(field, index === form.field), index === form.field ? "strong" : "plain"), value));
    above.push(...verdictRows(form, field, size.columns));
    if (index === form.field) above.push(...suggestionRows(form, size.columns, height));
  }
  const last =
    route.runbook.inputs.length === 0
      ? "This runbook asks for nothing. Enter makes the plan."
      : "Enter on the last field makes the plan; making it changes nothing.";
  return { rows: [...above, blank, row(last)].slice(0, height), field: slot };
}

function labelOf(field: InputField, focused: boolean): string {
  return `${focused ? ">" : " "} ${field.name.padEnd(12)} `;
}

function verdictRows(form: InputForm, field: InputField, width: number): readonly Row[] {
  const value = form.values[field.name] ?? "";
  const verdict = form.verdicts[field.name];
  if (value === "")
    return labelled("", `${field.optional ? "optional" : "needed"}: ${field.prompt}${example(field)}`, width, {
      indent: 15,
      most: 2,
    });
  if (verdict === undefined || verdict === "looking") return labelled("", "looking ..", width, { indent: 15 });
  const tone = verdict.ok ? "good" : "bad";
  return labelled("", `${verdict.ok ? "ok" : "NO"}  ${verdict.words}`, width, { indent: 15, most: 3, tone });
}

function example(field: InputField): string {
  if (field.type === "instant") return " (like 2026-11-21T02:40:00Z)";
  if (field.type === "table") return " (schema.table)";
  if (field.type === "list") return " (names, separated by commas)";
  return field.type === "boolean" ? " (yes or no)" : "";
}

function suggestionRows(form: InputForm, width: number, height: number): readonly Row[] {
  if (form.suggestions.length === 0) return [];
  const part = around(form.suggestions, Math.max(0, form.picked), Math.max(3, Math.min(8, height - 12)));
  const rows = part.shown.map((item, index) => {
    const picked = part.from + index === form.picked;
    return row(
      `               ${picked ? ">" : " "} `,
      span(item.value.padEnd(28), picked ? "strong" : "plain"),
      ` ${item.detail}${picked ? "   Enter takes it" : ""}`,
    );
  });
  const more =
    part.above + part.below > 0
      ? labelled("", `.. ${part.above + part.below} more; Up Down, Enter takes one`, width, { indent: 17 })
      : [];
  return [...rows, ...more];
}
