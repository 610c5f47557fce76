import { expect, test } from "vitest";
import { lintRunbook } from "../../src/runbooks/lint.ts";
import { readInput, readLiteral } from "../../src/runbooks/inputs.ts";
import { planRunbook } from "../../src/runbooks/plan-runbook.ts";
import { bindReferences, parseReference, writeReference } from "../../src/runbooks/references.ts";
import { actions, loaded, problems } from "./runbook-text.ts";

const many = `holdfast: 1
id: many
title: Many tables
roles: { main: [evidence, merge] }
inputs:
  tables: { type: list, prompt: "Which tables?" }
  table: { type: table, prompt: "Which table?" }
steps:
  - id: find
    each: "\${inputs.tables}"
    title: "\${item}"
    do: find-rows
    with: { table: "\${item}" }
    when: "\${item.wanted}"
  - id: merge
    each: "\${steps.find.result}"
    title: Put them back
    why: They are missing.
    do: merge-rows
    with: { statement: "\${item.result.statement}", rows: "\${item.result.rows}" }
`;

function with_(from: string, to: string): string {
  if (!many.includes(from)) throw new Error(`the runbook has no ${from}`);
  return many.replace(from, to);
}

test("a runbook with each: loads, fits the actions, and its plan holds the templates", () => {
  const runbook = loaded(many);
  expect(lintRunbook(runbook, actions)).toEqual([]);
  const main = { name: "shop", engine: "memory", environment: "sandbox", database: "shop" } as const;
  const plan = planRunbook(runbook, {
    inputs: { tables: ["a.b"] },
    targets: { main },
    actions,
    keeps: { main: ["transactional"] },
  });
  expect(plan.steps[0]).toMatchObject({
    key: "find",
    title: "Find rows",
    itemTitle: "${item}",
    each: "${inputs.tables}",
  });
  expect(plan.steps[1]).toMatchObject({ title: "Put them back", each: "${steps.find.result}" });
  expect(plan.steps[1]).not.toHaveProperty("itemTitle");
});

test.each([
  ["an each that is text", with_('each: "${inputs.tables}"', "each: all"), "HF-RUNBOOK-REFERENCE 10:11"],
  ["an each around a reference", with_('"${inputs.tables}"', '"x ${inputs.tables}"'), "HF-RUNBOOK-REFERENCE 10:11"],
  ["an each over an unknown input", with_("inputs.tables}", "inputs.tabels}"), "HF-RUNBOOK-UNKNOWN-INPUT 10:11"],
  ["an each over an input that is no list", with_("inputs.tables}", "inputs.table}"), "HF-RUNBOOK-EACH 10:11"],
  ["an each over its own items", with_("${inputs.tables}", "${item.parts}"), "HF-RUNBOOK-EACH 10:11"],
  [
    "an each over a step below",
    with_("${inputs.tables}", "${steps.merge.result}"),
    "HF-RUNBOOK-FORWARD-REFERENCE 10:11",
  ],
  [
    "an each over a choice that nobody makes",
    with_("${steps.find.result}", "${steps.find.choice}"),
    "HF-RUNBOOK-NO-CHOICE 16:11",
  ],
  [
    "an item where there is none",
    with_('    each: "${inputs.tables}"\n    title: "${item}"\n', ""),
    "HF-RUNBOOK-EACH 11:20",
  ],
  ["an item inside a text", with_('table: "${item}"', 'table: "x ${item}"'), "HF-RUNBOOK-REFERENCE 13:20"],
  [
    "a title that refers to more than the item",
    with_('title: "${item}"', 'title: "Find ${item}"'),
    "HF-RUNBOOK-REFERENCE 11:12",
  ],
  [
    "a title that refers to a step",
    with_("title: Put them back", 'title: "${steps.find.result}"'),
    "HF-RUNBOOK-REFERENCE 17:12",
  ],
  [
    "a choice as if there were one for all items",
    with_("    why: They", '    choose: one\n    when: "${steps.find.choice}"\n    why: They').replace(
      "    do: find-rows",
      "    do: find-rows\n    choose: one",
    ),
    "HF-RUNBOOK-EACH 20:11",
  ],
  ["a step that does nothing", with_("    do: find-rows\n", ""), "HF-RUNBOOK-MISSING 9:5"],
])("%s is a fault with its place", (_what, text, expected) => {
  expect(problems(text)[0]).toBe(expected);
});

test("an item's title in a step without each: is a fault, and any other text with a dollar stays text", () => {
  const plain = (title: string) =>
    many.replace('    each: "${inputs.tables}"\n    title: "${item}"\n', `    title: ${title}\n`);
  expect(problems(plain('"${item.name}"'))).toContain("HF-RUNBOOK-REFERENCE 10:12");
  expect(problems(plain('"costs ${5}"'))).not.toContain("HF-RUNBOOK-REFERENCE 10:12");
});

test("the item is bound whole, by its path, and is not looked into again", () => {
  const item = { name: "${inputs.x}", parts: [1, { a: null }] };
  const scope = { inputs: { x: "no" }, steps: {}, item };
  expect(
    bindReferences({ whole: "${item}", name: "${item.name}", part: "${item.parts.1.a}", gone: "${item.other}" }, scope),
  ).toEqual({ whole: item, name: "${inputs.x}", part: null });
  expect(bindReferences({ a: "${item}" }, { inputs: {}, steps: {} })).toEqual({});
});

test("a reference reads as it is written, with the path of a used runbook's step too", () => {
  for (const text of ["${inputs.a}", "${item}", "${item.a.0}", "${steps.a/b-c.result.x.y}", "${steps.a.choice}"]) {
    const reference = parseReference(text);
    expect(reference !== null && reference !== "malformed" && writeReference(reference)).toBe(text);
  }
  for (const text of ["${items}", "${item.}", "${steps.a.b.result}", "${item }"])
    expect(parseReference(text)).toBe("malformed");
});

test("a list is typed as names with commas, and given as a list", () => {
  const ok = (value: unknown) => ({ ok: true, value });
  expect(readInput("list", " public.a, public.b ", 0)).toEqual(ok(["public.a", "public.b"]));
  expect(readInput("list", "a\nb", 0)).toEqual(ok(["a", "b"]));
  expect(readLiteral("list", ["a", "b"])).toEqual(ok(["a", "b"]));
  const refused = ["a,,b", "a,a", ",", "a,b\u0007", Array.from({ length: 1001 }, (_, n) => `t${n}`).join(",")];
  for (const text of refused) expect(readInput("list", text, 0).ok, text.slice(0, 20)).toBe(false);
  for (const value of [[], ["a", 7], [["a"]], { a: 1 }, 7]) expect(readLiteral("list", value).ok).toBe(false);
});

test("a value of another type than the input's is refused", () => {
  expect(readLiteral("integer", 7)).toEqual({ ok: true, value: 7 });
  expect(readLiteral("boolean", false)).toEqual({ ok: true, value: false });
  expect(readLiteral("table", "Public.Orders")).toEqual({ ok: true, value: "public.orders" });
  expect(
    [readLiteral("integer", 7.5), readLiteral("text", 7), readLiteral("boolean", 1), readLiteral("table", null)].map(
      ({ ok }) => ok,
    ),
  ).toEqual([false, false, false, false]);
});
