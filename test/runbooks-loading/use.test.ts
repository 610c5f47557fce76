import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { JsonObject } from "../../src/core/json.ts";
import { lintRunbook } from "../../src/runbooks/lint.ts";
import { loadRunbook, mostSteps, readRunbook } from "../../src/runbooks/load.ts";
import { planRunbook } from "../../src/runbooks/plan-runbook.ts";
import { actions } from "./runbook-text.ts";

/** A runbook that finds and merges, for others to use. */
const inner = `holdfast: 1
id: inner
title: Find and merge
roles: { main: [evidence], into: [merge] }
inputs:
  table: { type: table, prompt: "Which table?" }
  since: { type: instant, prompt: "Since when?", optional: true }
  rows: { type: integer, prompt: "How many?" }
  fully: { type: boolean, prompt: "Fully?", optional: true }
gives: "\${steps.find.choice}"
steps:
  - id: find
    do: find-rows
    with: { table: "\${inputs.table}", since: "\${inputs.since}" }
    choose: one
  - id: merge
    why: They are missing.
    do: merge-rows
    on: into
    with: { statement: "\${steps.find.choice.id}", rows: "\${inputs.rows}" }
    when: "\${inputs.fully}"
    group: writes
`;

const outer = `holdfast: 1
id: outer
title: Use it
roles: { main: [evidence], other: [merge] }
inputs:
  table: { type: table, prompt: "Which table?" }
  since: { type: instant, prompt: "Since when?", optional: true }
  many: { type: integer, prompt: "How many?", optional: true }
steps:
  - id: look
    do: find-rows
    with: { table: "\${inputs.table}" }
    choose: one
  - id: rescue
    use: inner
    why: It is known to work.
    on: { into: other }
    with: { table: "\${inputs.table}", since: "\${inputs.since}", rows: "\${steps.look.result.rows}", fully: true }
    when: "\${steps.look.choice.lost}"
  - id: again
    do: find-rows
    with: { table: "\${steps.rescue.result.table}" }
`;

function changed(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the runbook has no ${from}`);
  return text.replace(from, to);
}

/** The files of a folder; the first is the one that is loaded. */
function folder(files: Readonly<Record<string, string>>): { readonly place: string; readonly first: string } {
  const place = mkdtempSync(path.join(tmpdir(), "hf-use-"));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(place, name), text);
  return { place, first: path.join(place, Object.keys(files)[0] ?? "") };
}

function loadedFrom(files: Readonly<Record<string, string>>) {
  return loadRunbook(folder(files).first);
}

/** `file CODE line:column message` of every problem, as loading and then lint find them. */
function problemsOf(files: Readonly<Record<string, string>>): readonly string[] {
  const { first } = folder(files);
  const read = readRunbook(first, Object.values(files)[0] ?? "");
  const found = read.ok ? lintRunbook(read.loaded, actions) : read.problems;
  return found.map(({ file, code, line, column }) => `${path.basename(file)} ${code} ${line}:${column}`);
}

const both = { "outer.yaml": outer, "inner.yaml": inner };
const main = { name: "shop", engine: "memory", environment: "sandbox", database: "shop" } as const;
const request = (inputs: JsonObject = { table: "public.orders" }) => ({
  inputs,
  targets: { main, other: { ...main, name: "other" } },
  actions,
  keeps: { main: ["transactional"] as const, other: ["probe"] as const },
});

test("the steps of a used runbook stand in the plan under the step that uses it, in the words of the outer one", () => {
  const runbook = loadedFrom(both);
  expect(lintRunbook(runbook, actions)).toEqual([]);
  const plan = planRunbook(runbook, request());
  expect(plan.steps.map(({ key }) => key)).toEqual(["look", "rescue/find", "rescue/merge", "again"]);
  expect(plan.steps[1]).toEqual({
    key: "rescue/find",
    title: "Find rows",
    why: "It is known to work.",
    action: "find-rows",
    effect: "read",
    recovery: "idempotent",
    on: { main: "main" },
    with: { table: "${inputs.table}", since: "${inputs.since}" },
    when: "${steps.look.choice.lost}",
    choose: "one",
    tolerance: 0,
  });
  expect(plan.steps[2]).toMatchObject({
    why: "They are missing.",
    recovery: "probe",
    on: { into: "other" },
    with: { statement: "${steps.rescue/find.choice.id}", rows: "${steps.look.result.rows}" },
    when: "${steps.look.choice.lost}",
    group: "rescue/writes",
  });
});

test("its result is what it says it gives, or else what its last step gave", () => {
  const table = (files: Readonly<Record<string, string>>) =>
    planRunbook(loadedFrom(files), request()).steps.at(-1)?.with["table"];
  expect(table(both)).toBe("${steps.rescue/find.choice.table}");
  const silent = changed(inner, 'gives: "${steps.find.choice}"\n', "");
  expect(table({ ...both, "inner.yaml": silent })).toBe("${steps.rescue/merge.result.table}");
});

test("a condition that is known when the plan is made decides there; all others hold together", () => {
  const merge = (files: Readonly<Record<string, string>>) => planRunbook(loadedFrom(files), request()).steps[2]?.when;
  const given = (fully: string) => ({ ...both, "outer.yaml": changed(outer, "fully: true", fully) });
  expect(merge(given("fully: false"))).toBe(false);
  expect(merge({ ...both, "outer.yaml": changed(outer, ", fully: true", "") })).toBe(false);
  expect(merge(given('fully: "${steps.look.result.all}"'))).toEqual([
    "${steps.look.choice.lost}",
    "${steps.look.result.all}",
  ]);
  const bare = changed(outer, '    when: "${steps.look.choice.lost}"\n', "");
  expect(merge({ ...both, "outer.yaml": bare })).toBeUndefined();
});

test("values are frozen as the input would have been typed, and an input that was left out is left out inside", () => {
  const given = changed(
    outer,
    'table: "${inputs.table}", since: "${inputs.since}", rows',
    "table: Public.Orders, rows",
  );
  const plan = planRunbook(loadedFrom({ ...both, "outer.yaml": given }), request());
  expect(plan.steps[1]?.with).toEqual({ table: "public.orders" });
});

test("the text of the used runbook is frozen with the plan, and changes its digest", () => {
  const plan = planRunbook(loadedFrom(both), request());
  expect(plan.runbook.uses).toEqual([
    { id: "inner", text: inner, digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
  ]);
  const other = changed(inner, "Find and merge", "Find and merge it");
  expect(planRunbook(loadedFrom({ ...both, "inner.yaml": other }), request()).digest).not.toBe(plan.digest);
  expect(planRunbook(loadedFrom({ ...both, "unused.yaml": other }), request()).digest).toBe(plan.digest);
});

test("a shipped runbook can be used, and a file beside wins over one of its name", () => {
  const shipped = changed(
    changed(outer, "use: inner", "use: restore-after-bad-delete"),
    'on: { into: other }\n    with: { table: "${inputs.table}", since: "${inputs.since}", rows: "${steps.look.result.rows}", fully: true }',
    'with: { table: "${inputs.table}" }',
  ).replaceAll("[evidence]", "[evidence, rescueArea, merge]");
  const used = loadedFrom({ "outer.yaml": shipped }).uses.get("restore-after-bad-delete");
  expect(path.basename(path.dirname(used?.file ?? ""))).toBe("runbooks");
  const own = changed(readFileSync(used?.file ?? "", "utf8"), "title:", "# mine\ntitle:");
  const found = loadedFrom({ "outer.yaml": shipped, "restore-after-bad-delete.yaml": own }).uses;
  expect(found.get("restore-after-bad-delete")?.text).toBe(own);
});

const used = "    use: inner\n";
test.each<[string, Readonly<Record<string, string>>, string]>([
  ["an id that nobody has", { "outer.yaml": outer }, "outer.yaml HF-RUNBOOK-UNKNOWN-RUNBOOK 15:10"],
  [
    "a path",
    { ...both, "outer.yaml": changed(outer, "use: inner", "use: ../inner") },
    "outer.yaml HF-RUNBOOK-SHAPE 15:10",
  ],
  [
    "a file of another id",
    { "outer.yaml": outer, "inner.yaml": changed(inner, "id: inner", "id: other") },
    "outer.yaml HF-RUNBOOK-UNKNOWN-RUNBOOK 15:10",
  ],
  ["a file that is no runbook", { "outer.yaml": outer, "inner.yaml": "[]" }, "inner.yaml HF-RUNBOOK-SHAPE 1:1"],
  ["itself", { "inner.yaml": changed(inner, "    do: find-rows\n", used) }, "inner.yaml HF-RUNBOOK-USE 15:5"],
  [
    "do: beside use:",
    { ...both, "outer.yaml": changed(outer, used, `${used}    do: find-rows\n`) },
    "outer.yaml HF-RUNBOOK-USE 15:5",
  ],
  [
    "a title beside use:",
    { ...both, "outer.yaml": changed(outer, used, `${used}    title: T\n`) },
    "outer.yaml HF-RUNBOOK-USE 16:5",
  ],
  [
    "each: beside use:",
    { ...both, "outer.yaml": changed(outer, used, `${used}    each: "\${steps.look.result.l}"\n`) },
    "outer.yaml HF-RUNBOOK-USE 16:5",
  ],
  [
    "a choice of its own",
    { ...both, "outer.yaml": changed(outer, "steps.rescue.result", "steps.rescue.choice") },
    "outer.yaml HF-RUNBOOK-NO-CHOICE 22:20",
  ],
  [
    "a step inside of it",
    { ...both, "outer.yaml": changed(outer, "steps.rescue.result", "steps.rescue/find.result") },
    "outer.yaml HF-RUNBOOK-UNKNOWN-STEP 22:20",
  ],
  [
    "an unknown input",
    { ...both, "outer.yaml": changed(outer, "fully: true", "fuly: true") },
    "outer.yaml HF-RUNBOOK-UNKNOWN-INPUT 18:100",
  ],
  [
    "a missing input",
    { ...both, "outer.yaml": changed(outer, '{ table: "${inputs.table}", since', "{ since") },
    "outer.yaml HF-RUNBOOK-MISSING 18:11",
  ],
  [
    "a value of another type",
    { ...both, "outer.yaml": changed(outer, "fully: true", "fully: 7") },
    "outer.yaml HF-RUNBOOK-PARAMETER 18:107",
  ],
  [
    "a table that is none",
    { ...both, "outer.yaml": changed(outer, 'table: "${inputs.table}", since', "table: orders, since") },
    "outer.yaml HF-RUNBOOK-PARAMETER 18:20",
  ],
  [
    "an input of another type",
    { ...both, "outer.yaml": changed(outer, 'table: "${inputs.table}", since', 'table: "${inputs.many}", since') },
    "outer.yaml HF-RUNBOOK-PARAMETER 18:20",
  ],
  [
    "an optional input for one that is not",
    { ...both, "inner.yaml": inner.replace(", optional: true }", " }") },
    "outer.yaml HF-RUNBOOK-OPTIONAL-INPUT 18:46",
  ],
  [
    "a role that it has not",
    { ...both, "outer.yaml": changed(outer, "on: { into", "on: { onto") },
    "outer.yaml HF-RUNBOOK-UNKNOWN-ROLE 17:11",
  ],
  [
    "a role that the outer has not",
    { ...both, "outer.yaml": changed(outer, "into: other", "into: third") },
    "outer.yaml HF-RUNBOOK-UNKNOWN-ROLE 17:17",
  ],
  [
    "a role that was granted less",
    { ...both, "outer.yaml": changed(outer, "into: other", "into: main") },
    "outer.yaml HF-RUNBOOK-NOT-GRANTED 15:10",
  ],
  [
    "gives: that is no reference",
    { ...both, "inner.yaml": changed(inner, '"${steps.find.choice}"', "all") },
    "inner.yaml HF-RUNBOOK-REFERENCE 10:8",
  ],
  [
    "gives: of an input",
    { ...both, "inner.yaml": changed(inner, '"${steps.find.choice}"', '"${inputs.table}"') },
    "inner.yaml HF-RUNBOOK-REFERENCE 10:8",
  ],
  [
    "gives: of a step that is not there",
    { ...both, "inner.yaml": changed(inner, '"${steps.find.choice}"', '"${steps.f.result}"') },
    "inner.yaml HF-RUNBOOK-UNKNOWN-STEP 10:8",
  ],
  [
    "an action that the used one names and nobody has",
    { ...both, "inner.yaml": changed(inner, "do: find-rows", "do: find-row") },
    "inner.yaml HF-RUNBOOK-UNKNOWN-ACTION 13:9",
  ],
])("%s is a fault with its place", (_what, files, expected) => {
  expect(problemsOf(files)).toEqual([expected]);
});

/** One that uses the next; the last one looks. */
function chain(length: number, last: string): Readonly<Record<string, string>> {
  const one = (nth: number, step: string) =>
    `holdfast: 1\nid: r${nth}\ntitle: R\nroles: { main: [evidence] }\nsteps:\n${step}`;
  const use = (id: string) => `  - id: down\n    use: ${id}\n`;
  const texts = Array.from({ length }, (_, nth): [string, string] => [`r${nth}.yaml`, one(nth, use(`r${nth + 1}`))]);
  return Object.fromEntries([...texts, [`r${length}.yaml`, one(length, last)]]);
}
const look = "  - id: look\n    do: find-rows\n    with: { table: public.a }\n";

test("a circle of runbooks is a fault where it closes", () => {
  expect(problemsOf(chain(2, "  - id: back\n    use: r0\n"))).toEqual(["r2.yaml HF-RUNBOOK-CYCLE 7:10"]);
  expect(problemsOf(chain(0, "  - id: back\n    use: r0\n"))).toEqual(["r0.yaml HF-RUNBOOK-CYCLE 7:10"]);
});

test("five runbooks may stand in one another, and six may not, by whatever way they are reached", () => {
  const deep = planRunbook(loadedFrom(chain(5, look)), request({}));
  expect(deep.steps.map(({ key }) => key)).toEqual(["down/down/down/down/down/look"]);
  expect(deep.runbook.uses?.map(({ id }) => id)).toEqual(["r1", "r2", "r3", "r4", "r5"]);
  expect(problemsOf(chain(6, look)).filter((one) => one.includes("DEPTH"))).not.toEqual([]);
  const short = `holdfast: 1\nid: top\ntitle: R\nroles: { main: [evidence] }\nsteps:\n  - id: a\n    use: r2\n  - id: b\n    use: r1\n`;
  expect(problemsOf({ "top.yaml": short, ...chain(6, look) })).toEqual(["r1.yaml HF-RUNBOOK-DEPTH 7:10"]);
});

test("a plan has at most 1,000 steps, however they come together", () => {
  const step = (nth: number, what: string) => `  - id: s${nth}\n    ${what}\n`;
  const of = (id: string, count: number, what: string) =>
    `holdfast: 1\nid: ${id}\ntitle: R\nroles: { main: [evidence] }\nsteps:\n${Array.from({ length: count }, (_, nth) => step(nth, what)).join("")}`;
  const looks = of("looks", 100, "do: find-rows\n    with: { table: public.a }");
  const fits = { "all.yaml": of("all", 10, "use: looks"), "looks.yaml": looks };
  expect(planRunbook(loadedFrom(fits), request({})).steps.length).toBe(mostSteps);
  expect(problemsOf({ "all.yaml": of("all", 11, "use: looks"), "looks.yaml": looks })).toEqual([
    "all.yaml HF-RUNBOOK-STEPS 7:10",
  ]);
  const wide = Object.fromEntries(
    ["a", "b", "c", "d"].map((id, nth) => [`${id}.yaml`, of(id, 200, `use: ${"bcde"[nth] ?? ""}`)]),
  );
  expect(problemsOf({ ...wide, "e.yaml": of("e", 200, "do: find-rows") })[0]).toMatch(/HF-RUNBOOK-STEPS/);
});
