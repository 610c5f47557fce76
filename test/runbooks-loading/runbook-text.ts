import { z } from "zod";
import type { KnownAction } from "../../src/runbooks/lint.ts";
import { readRunbook } from "../../src/runbooks/load.ts";

export const good = `holdfast: 1
id: demo
title: A demonstration
roles: { main: [evidence, merge] }
inputs:
  table: { type: table, prompt: "Which table?" }
  since: { type: instant, prompt: "Since when?", optional: true }
steps:
  - id: find
    do: find-rows
    with: { table: "\${inputs.table}", since: "\${inputs.since}" }
    choose: one
  - id: merge
    title: Put them back
    why: They are missing.
    do: merge-rows
    with: { statement: "\${steps.find.choice}", rows: "\${steps.find.result.rows}" }
    when: "\${steps.find.result.any}"
    group: writes
    tolerance: 0.01
`;

export const actions: readonly KnownAction[] = [
  {
    name: "find-rows",
    summary: "Find rows",
    effect: "read",
    recovery: [],
    roles: { main: ["evidence", "inspect"] },
    params: z.strictObject({ table: z.string(), since: z.string().optional() }),
    choices: () => [],
  },
  {
    name: "merge-rows",
    summary: "Merge rows",
    effect: "write",
    recovery: ["transactional", "probe"],
    roles: { into: ["merge", "marker"] },
    params: z.strictObject({ statement: z.json(), rows: z.number(), mode: z.enum(["a", "b"]).optional() }),
  },
];

/** The good runbook with one thing changed. */
export function changed(from: string | RegExp, to: string): string {
  const text = good.replace(from, to);
  if (text === good) throw new Error(`the good runbook has no ${String(from)}`);
  return text;
}

export function loaded(text = good) {
  const result = readRunbook("demo.yaml", text);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.loaded;
}

/** `CODE line:column` of every problem. */
export function problems(text: string): readonly string[] {
  const result = readRunbook("demo.yaml", text);
  return result.ok ? [] : result.problems.map((found) => `${found.code} ${found.line}:${found.column}`);
}
