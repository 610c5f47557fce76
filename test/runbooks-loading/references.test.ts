import { expect, test } from "vitest";
import { bindReferences, parseReference, textsIn } from "../../src/runbooks/references.ts";

const scope = {
  inputs: { table: "public.orders", limit: 5, sneaky: "${inputs.limit}" },
  steps: { find: { result: { rows: [10, { id: 7 }], any: false, none: null }, choice: { xid: "881" } }, skipped: {} },
};

test("a reference stands for a whole value of any type", () => {
  const bound = bindReferences(
    { a: "${inputs.table}", b: "${inputs.limit}", c: "${steps.find.result.rows}", d: "${steps.find.choice}" },
    scope,
  );
  expect(bound).toEqual({ a: "public.orders", b: 5, c: [10, { id: 7 }], d: { xid: "881" } });
});

test("a path leads into maps and lists, and false and null are values", () => {
  const bound = bindReferences(
    { a: "${steps.find.result.rows.1.id}", b: "${steps.find.result.any}", c: "${steps.find.result.none}" },
    scope,
  );
  expect(bound).toEqual({ a: 7, b: false, c: null });
});

test("what stands for nothing is left out with its key, at any depth", () => {
  const bound = bindReferences(
    {
      a: "${inputs.since}",
      b: "${steps.skipped.result.rows}",
      c: "${steps.never.choice}",
      d: { e: "${inputs.since}", f: 1 },
      g: ["${inputs.since}", 2],
    },
    scope,
  );
  expect(bound).toEqual({ d: { f: 1 }, g: [2] });
  expect(Object.keys(bound)).toEqual(["d", "g"]);
});

test("an input that looks like a reference stays text", () => {
  expect(bindReferences({ a: "${inputs.sneaky}" }, scope)).toEqual({ a: "${inputs.limit}" });
});

test("nothing that objects inherit can be reached", () => {
  const names = ["constructor", "toString", "hasOwnProperty", "length"];
  for (const name of names) {
    expect(bindReferences({ a: `\${inputs.${name}}` }, scope), name).toEqual({});
    expect(bindReferences({ a: `\${steps.${name}.result.name}` }, scope), name).toEqual({});
    expect(bindReferences({ a: `\${steps.find.result.rows.${name}}` }, scope), name).toEqual({});
  }
});

test("binding changes neither the plan nor the scope", () => {
  const plan = Object.freeze({ a: "${steps.find.result.rows}", b: Object.freeze(["${inputs.table}"]) });
  const before = structuredClone(scope);
  bindReferences(plan, scope);
  expect(scope).toEqual(before);
  expect(plan.b).toEqual(["${inputs.table}"]);
});

test.each([
  "x${inputs.a}",
  "${inputs.a} ",
  "${inputs.a",
  "${inputs.}",
  "${inputs.a.b}",
  "${steps.a}",
  "${steps.a.output}",
  "${steps.a.result..b}",
  "${steps.a.result[0]}",
  "${env.HOME}",
  "${ inputs.a }",
  "$${inputs.a}",
  "${}",
  "${inputs.a}\n",
])("%j is malformed", (text) => {
  expect(parseReference(text)).toBe("malformed");
});

test.each(["", "plain", "$5", "{inputs.a}", "$inputs.a"])("%j is plain text", (text) => {
  expect(parseReference(text)).toBeNull();
});

test("texts are found at any depth, with their paths", () => {
  expect([...textsIn({ a: "x", b: [1, { c: "y" }] }, ["with"])]).toEqual([
    ["x", ["with", "a"]],
    ["y", ["with", "b", 1, "c"]],
  ]);
});
