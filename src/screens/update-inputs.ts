import type { InputField, InputVerdict, Suggestion } from "../runner/workbench.ts";
import { type Command, type InputForm, just, type Model, routeOf, type Update } from "./model.ts";

/** What was typed into the field that has the focus; the inputs form asks the workbench about it. */
export function fieldChanged(before: Model, text: string): Update {
  const model = { ...before, message: "", fault: null };
  const route = routeOf(model);
  if (route.kind === "runbooks") return just({ ...model, find: text, cursors: { ...model.cursors, runbooks: 0 } });
  if (route.kind === "note" || route.kind === "write") return just({ ...model, draft: text });
  return route.kind === "inputs" ? inputChanged(model, text) : just(model);
}

function inputChanged(model: Model, text: string): Update {
  const field = focusedField(model);
  if (field === null) return just(model);
  const { form } = model;
  const changed: InputForm = {
    ...form,
    values: { ...form.values, [field.name]: text },
    verdicts: { ...form.verdicts, [field.name]: "looking" },
    picked: -1,
    waiting: false,
  };
  return just({ ...model, form: changed }, ...look(model, field, text));
}

/** The workbench's opinion, unless the field has changed since it was asked. */
export function judged(model: Model, field: string, text: string, verdict: InputVerdict): Update {
  if ((model.form.values[field] ?? "") !== text) return just(model);
  const form = { ...model.form, verdicts: { ...model.form.verdicts, [field]: verdict }, waiting: false };
  return model.form.waiting ? askForPlan({ ...model, form, message: "" }) : just({ ...model, form });
}

export function suggested(model: Model, field: string, text: string, items: readonly Suggestion[]): Model {
  if (focusedField(model)?.name !== field || (model.form.values[field] ?? "") !== text) return model;
  // What is written in full already is nothing to pick: the arrows go on to the next field.
  const isWritten = items.length === 1 && items[0]?.value === text;
  return { ...model, form: { ...model.form, suggestions: isWritten ? [] : items, picked: -1 } };
}

/** Up and Down: through the suggestions of this field, and past either end of them to the field beside it. */
export function moveInForm(model: Model, by: number): Update {
  const { form } = model;
  const picked = form.picked + by;
  if (picked < -1) return previousField(model);
  if (picked >= form.suggestions.length) return by > 0 ? fieldBelow(model) : just(model);
  return just({ ...model, form: { ...form, picked } });
}

export function previousField(model: Model): Update {
  return focusField(model, model.form.field - 1);
}

/** Below the last field is nothing: only Enter makes the plan. */
function fieldBelow(model: Model): Update {
  return focusField(model, model.form.field + 1);
}

/** Enter: takes the highlighted suggestion, else goes to the next field; after the last one, asks for the plan. */
export function nextField(model: Model): Update {
  const route = routeOf(model);
  if (route.kind !== "inputs") return just(model);
  const picked = model.form.suggestions[model.form.picked];
  if (picked !== undefined) return inputChanged(model, picked.value);
  if (model.form.field < route.runbook.inputs.length - 1) return focusField(model, model.form.field + 1);
  return askForPlan(model);
}

export function focusField(model: Model, index: number): Update {
  const route = routeOf(model);
  if (route.kind !== "inputs") return just(model);
  const field = route.runbook.inputs[index];
  if (field === undefined) return just(model);
  const form = { ...model.form, field: index, suggestions: [], picked: -1 };
  return just({ ...model, form }, ...look(model, field, model.form.values[field.name] ?? ""));
}

function askForPlan(model: Model): Update {
  const route = routeOf(model);
  if (route.kind !== "inputs" || model.busy !== "") return just(model);
  const wrong = route.runbook.inputs.findIndex((field) => whyNot(model.form, field) !== null);
  const field = route.runbook.inputs[wrong];
  if (field !== undefined) return notYet(model, field, wrong);
  const inputs = Object.fromEntries(Object.entries(model.form.values).filter(([, value]) => value !== ""));
  const request = { runbook: route.runbook.id, target: route.target.name, inputs };
  return just({ ...model, busy: "making the plan", fault: null }, { do: "plan", request });
}

function notYet(model: Model, field: InputField, index: number): Update {
  const message = `${field.name}: ${whyNot(model.form, field) ?? ""}`;
  if (model.form.verdicts[field.name] === "looking" && (model.form.values[field.name] ?? "") !== "") {
    return just({ ...model, message, form: { ...model.form, waiting: true } });
  }
  const focused = focusField(model, index);
  return { ...focused, model: { ...focused.model, message } };
}

/** Why the form can't be handed in for this field; null when it can. */
export function whyNot(form: InputForm, field: InputField): string | null {
  const value = form.values[field.name] ?? "";
  if (value === "") return field.optional ? null : "this one is needed";
  const verdict = form.verdicts[field.name];
  if (verdict === undefined || verdict === "looking") return "still being looked at; then the plan is made";
  return verdict.ok ? null : verdict.words;
}

export function focusedField(model: Model): InputField | null {
  const route = routeOf(model);
  return route.kind === "inputs" ? (route.runbook.inputs[model.form.field] ?? null) : null;
}

function look(model: Model, field: InputField, text: string): readonly Command[] {
  const route = routeOf(model);
  return route.kind === "inputs" ? [{ do: "judge", target: route.target.name, field, text }] : [];
}
