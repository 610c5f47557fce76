import { expect, test } from "vitest";
import { lintRunbook } from "../../src/runbooks/lint.ts";
import { actions, changed, good, loaded } from "./runbook-text.ts";

const lint = (text: string, known = actions) =>
  lintRunbook(loaded(text), known).map((found) => `${found.code} ${found.line}:${found.column}`);

test("a runbook that fits its actions has no problem", () => {
  expect(lint(good)).toEqual([]);
});

test.each([
  ["an unknown action", changed("do: merge-rows", "do: merge-tows"), "HF-RUNBOOK-UNKNOWN-ACTION 16:9"],
  ["a write without a why", changed("    why: They are missing.\n", ""), "HF-RUNBOOK-MISSING 13:5"],
  ["a parameter that the action has not", changed("{ table:", "{ tabel: 1, table:"), "HF-RUNBOOK-UNKNOWN-KEY 11:13"],
  ["a parameter that is missing", changed('table: "${inputs.table}", ', ""), "HF-RUNBOOK-MISSING 11:11"],
  [
    "a value that the action refuses",
    changed('rows: "${steps.find.result.rows}"', "rows: many"),
    "HF-RUNBOOK-PARAMETER 17:54",
  ],
  ["a word that the action does not know", changed('", rows:', '", mode: c, rows:'), "HF-RUNBOOK-PARAMETER 17:54"],
  [
    "an optional input where a value is needed",
    changed("inputs.table}", "inputs.since}"),
    "HF-RUNBOOK-OPTIONAL-INPUT 11:20",
  ],
  [
    "a choice that the action does not offer",
    changed("    group:", "    choose: one\n    group:"),
    "HF-RUNBOOK-NO-CHOICE 19:13",
  ],
  ["a capability that is not granted", changed("[evidence, merge]", "[evidence]"), "HF-RUNBOOK-NOT-GRANTED 16:9"],
  ["an effect that is milder", changed("    group:", "    effect: hold\n    group:"), "HF-RUNBOOK-EFFECT 19:13"],
  [
    "a read made stricter without a why",
    changed("    choose: one", "    choose: one\n    effect: hold"),
    "HF-RUNBOOK-MISSING 9:5",
  ],
  [
    "a role that the action has not",
    changed("    group:", "    on: { from: main }\n    group:"),
    "HF-RUNBOOK-UNKNOWN-ROLE 19:11",
  ],
])("%s is told where it stands", (_what, text, expected) => {
  expect(lint(text)).toContain(expected);
});

test("an effect may be made stricter", () => {
  expect(lint(changed("    group:", "    effect: destroy\n    group:"))).toEqual([]);
});

test.each(["hold", "write", "destroy"] as const)("a %s without a recovery contract is refused", (effect) => {
  const without = actions.map((action) =>
    action.name === "merge-rows" ? { ...action, effect, recovery: [] } : action,
  );
  expect(lint(good, without)).toContain("HF-RUNBOOK-RECOVERY 16:9");
});

test("an unknown action is answered with names that are close", () => {
  const [problem] = lintRunbook(loaded(changed("do: merge-rows", "do: merge-tows")), actions);
  expect(problem?.expected).toBe("one of merge-rows");
});
