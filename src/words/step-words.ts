import { isJsonObject, type Json } from "../core/json.ts";
import type { StepKey } from "../core/ids.ts";
import type { RunState, StepState } from "../core/run-state.ts";
import type { Finding, Preview } from "../core/step.ts";
import { bytes, count, eta, expected, percent, rate, unitOf } from "./format.ts";

/** `STEP 7/12`; for a step that the plan has not (an older journal) its key. */
export function stepNumber(state: RunState, key: StepKey): string {
  const index = state.steps.findIndex((step) => step.step.key === key);
  return index < 0 ? `STEP ${key}` : `STEP ${index + 1}/${state.steps.length}`;
}

/** The numbers at the top of a result, or its own summary: `rows 981,241, tables 3`. */
export function resultWords(result: Json | undefined): string {
  if (!isJsonObject(result)) return "";
  if (typeof result["summary"] === "string") return result["summary"];
  return Object.entries(result)
    .filter((entry): entry is [string, number] => typeof entry[1] === "number")
    .slice(0, 4)
    .map(([name, value]) => `${spaced(name)} ${count(value)}`)
    .join(", ");
}

/** `3 ok` and every other finding in its words. */
export function findingWords(findings: readonly Finding[]): string {
  const ok = findings.filter((finding) => finding.level === "ok").length;
  const others = findings.filter((finding) => finding.level !== "ok").map(oneFinding);
  return [...(ok > 0 ? [`${ok} ok`] : []), ...others].join("; ");
}

/** Every finding in its words: a proof is worth nothing when it is only counted. */
export function proofWords(findings: readonly Finding[]): string {
  return findings.map(oneFinding).join("; ");
}

function oneFinding(finding: Finding): string {
  const mark = finding.level === "ok" ? "" : `${finding.level.toUpperCase()} `;
  return `${mark}${findingText(finding)}`;
}

/** Its words and its hint, without its level. */
export function findingText({ text, hint }: Finding): string {
  return `${text}${hint === undefined ? "" : ` (${hint})`}`;
}

/** `merge missing rows: inserts 981,204, 412 MB, about 1:00`. */
export function previewWords(preview: Preview): string {
  const counts = Object.entries(preview.counts).map(([name, value]) => `${spaced(name)} ${count(value)}`);
  const size = preview.bytes === undefined ? [] : [bytes(preview.bytes)];
  const time = preview.takesMs === undefined ? [] : [expected(preview.takesMs)];
  const numbers = [...counts, ...size, ...time].join(", ");
  return numbers === "" ? preview.summary : `${preview.summary}: ${numbers}`;
}

/** `60.1 %, 590,000 of 981,204 rows, 6,480 rows/s, ETA 1:00`, as far as it is known. */
export function progressWords(progress: NonNullable<StepState["progress"]>): string {
  const { done, total, unit, note, at, since, from } = progress;
  const amount =
    total === undefined
      ? `${count(done)} ${unitOf(done, unit)}`
      : `${count(done)} of ${count(total)} ${unitOf(total, unit)}`;
  const left = eta(progress, at);
  const parts = [
    total === undefined ? "" : percent(done, total),
    amount,
    rate(done - from, since, at, unit),
    left === null ? "" : `ETA ${left}`,
    note ?? "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** `rowsInserted` as `rows inserted`. */
export function spaced(name: string): string {
  return name.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}
