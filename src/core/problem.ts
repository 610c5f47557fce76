import { Fault } from "./errors.ts";

export type YamlArea = "RUNBOOK" | "CONFIG";

/** Something wrong at a place in a file. `code` is whole (`HF-RUNBOOK-ALIAS`); lines and columns count from 1. */
export interface Problem {
  readonly code: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What would pass. */
  readonly expected: string;
}

/** Throws the first problem as a Fault with the exit `input`; says how many more there are. */
export function throwProblems(problems: readonly Problem[]): void {
  const [first, ...others] = problems;
  if (first === undefined) return;
  throw problemFault(first, others.length);
}

function problemFault(problem: Problem, others = 0): Fault {
  const more = others === 0 ? "" : ` ${others} more in this file.`;
  return new Fault(problem.code, `${problem.file}:${problem.line}:${problem.column}: ${problem.message}`, {
    exit: "input",
    still: "Nothing was started.",
    hint: `Expected: ${problem.expected}.${more}`,
  });
}

/** A key as it may be shown: never long, never more than printable. */
export function quoted(key: unknown): string {
  const text = String(key).replaceAll(/[^ -~]/gu, "?");
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 38)}..` : text);
}
