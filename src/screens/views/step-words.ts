import type { StepState } from "../../core/run-state.ts";
import { duration } from "../../words/format.ts";
import { resultWords } from "../../words/step-words.ts";
import { writtenWords } from "../../words/written-words.ts";

/** What came of a step, or what it is at, in one line. */
export function stepWords(step: StepState): string {
  switch (step.status) {
    case "todo":
      return writtenWords(step) || (step.step.effect === "read" ? "" : step.step.effect.toUpperCase());
    case "checking":
      return joined(writtenWords(step), "looking before it acts");
    case "waiting":
      return joined(writtenWords(step), "waits for you");
    case "stopped":
      return writtenWords(step) || "begun, what is done stays";
    case "running":
      return step.progress?.note ?? step.preview?.summary ?? "";
    case "skipped":
      return step.step.each !== undefined && step.result !== undefined
        ? "skipped: its list has no item"
        : "skipped: not needed here";
    case "failed":
    case "unknown":
      return joined(writtenWords(step), faultWords(step));
    case "done":
      return doneWords(step);
  }
}

function joined(...words: readonly string[]): string {
  return words.filter((one) => one !== "").join("; ");
}

/** `1:31`; nothing for a step that has not begun. */
export function stepTook(step: StepState, now: number): string {
  if (step.status === "running" && step.startedAt !== undefined)
    return duration(step.took + Math.max(0, now - step.startedAt));
  return step.status === "todo" || step.status === "skipped" ? "" : duration(step.took);
}

function faultWords({ fault }: StepState): string {
  return fault === undefined ? "begun, no outcome known: resume asks the server" : `${fault.code} ${fault.message}`;
}

function doneWords(step: StepState): string {
  if (step.choice !== undefined)
    return `${step.choice.by === "default" ? "not asked" : "chosen"}: ${step.choice.label}`;
  if (step.step.choose !== undefined) return "waits for your choice";
  const proof = step.verified.find(({ level }) => level === "warn" || level === "stop") ?? step.verified[0];
  return proof?.text ?? (resultWords(step.result) || (step.preview?.summary ?? ""));
}
