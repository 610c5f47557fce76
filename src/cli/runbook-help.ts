import { readYamlText } from "../core/yaml-text.ts";
import { inlinedSteps } from "../runbooks/inline.ts";
import type { KnownAction } from "../runbooks/lint.ts";
import { loadRunbook, readRunbook } from "../runbooks/load.ts";
import type { RunbookInput } from "../runbooks/schema.ts";
import { findRunbook, shippedRunbooks } from "../runbooks/shipped.ts";
import { cleanForTerminal } from "../words/format.ts";

/** For the help of `run`: the runbooks that ship, or the inputs and steps of the one that was named, as the flags take them. */
export function runbookHelp(written: string | undefined, actions: readonly KnownAction[]): readonly string[] {
  const lines = written === undefined ? shippedLines() : runbookLines(written, actions);
  return lines.map((line) => cleanForTerminal(line));
}

function shippedLines(): readonly string[] {
  const rows = [...shippedRunbooks()].map(([id, file]): readonly [string, string] => {
    const read = readRunbook(file, readYamlText(file, "RUNBOOK"));
    return [id, read.ok ? read.loaded.runbook.title : "it can't be read: holdfast lint says why"];
  });
  return ["Runbooks that ship (inputs and steps of one: holdfast run <runbook> --help):", ...columns(rows), ""];
}

function runbookLines(written: string, actions: readonly KnownAction[]): readonly string[] {
  const loaded = loadRunbook(findRunbook(written));
  const { id, title, about = "", inputs = {} } = loaded.runbook;
  const steps = inlinedSteps(loaded).map(({ key, step }): readonly [string, string, string] => {
    const action = actions.find(({ name }) => name === step.do);
    const asked = step.each === undefined ? key : `${key}:ITEM`;
    const asks = step.choose === undefined ? "" : `; asks for a choice: --choose ${asked}=value`;
    return [key, step.effect ?? action?.effect ?? "", `${step.title ?? action?.summary ?? ""}${asks}`];
  });
  return [
    `${id}: ${title}`,
    "",
    ...(about === "" ? [] : [...wrapped(about), ""]),
    "Inputs:",
    ...(Object.keys(inputs).length === 0 ? ["  none"] : columns(Object.entries(inputs).map(inputRow))),
    "",
    "Steps:",
    ...columns(steps),
    "",
  ];
}

function wrapped(text: string): readonly string[] {
  return text.match(/\S.{0,99}(?=\s|$)/g) ?? [];
}

function inputRow([name, { type, prompt, optional }]: readonly [string, RunbookInput]): readonly string[] {
  return [`--set ${name}=value`, type, `${optional ? "optional" : "needed"}: ${prompt}`];
}

/** Each column as wide as its widest word; the last runs on. */
function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const width = (at: number) => Math.max(...rows.map((row) => row[at]?.length ?? 0));
  return rows.map((row) =>
    `  ${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(width(at)))).join("  ")}`.trimEnd(),
  );
}
