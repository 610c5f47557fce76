import type { StepStatus } from "../../src/core/run-state.ts";

export const steps: readonly StepStatus[] = [
  "todo",
  "checking",
  "waiting",
  "running",
  "done",
  "skipped",
  "failed",
  "unknown",
];
