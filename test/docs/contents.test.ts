import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { ZodObject } from "zod";
import { actions } from "../../src/actions/index.ts";
import { recoveries } from "../../src/core/effect.ts";
import type { Problem } from "../../src/core/problem.ts";
import { exitCodes } from "../../src/core/exit-codes.ts";
import { capabilityNames } from "../../src/engines/engine.ts";
import { markerDdl } from "../../src/engines/postgres/marker/table.ts";
import { lintRunbook } from "../../src/runbooks/lint.ts";
import { loadRunbook, readRunbook } from "../../src/runbooks/load.ts";
import { planRunbook } from "../../src/runbooks/plan-runbook.ts";
import { runbookSchema } from "../../src/runbooks/schema.ts";
import { findRunbook, shippedRunbooks } from "../../src/runbooks/shipped.ts";
import { bindings } from "../../src/screens/keys.ts";
import { root } from "../support/source.ts";
import { documentNamed, fenced, rowsOf } from "./documents.ts";

const format = documentNamed("docs/runbook-format.md");
const guide = documentNamed("docs/operator-guide.md");
const shipped = loadRunbook(findRunbook("restore-after-bad-delete")).runbook;

describe("the runbook format", () => {
  test("shows a runbook that loads, fits the actions and can be planned", () => {
    const blocks = fenced(format, "yaml");
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(problemsOf("docs/runbook-format.md", block)).toEqual([]);
  });

  test("is kept by every runbook that ships", () => {
    const files = [...shippedRunbooks().values()];
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(problemsOf(file, readFileSync(file, "utf8"))).toEqual([]);
  });

  test("explains every key that the schema takes, and no other", () => {
    const { shape } = runbookSchema;
    const step = shape.steps.element.shape;
    const input = shape.inputs.unwrap().valueType.shape;
    const wanted = [shape, input, step].flatMap((one) => Object.keys(one));
    const explained = rowsOf(format).flatMap(([key = "", must = ""]) =>
      /^`[a-z]+`$/.test(key) && /^(yes|no|for|as) ?/.test(must) ? [key.slice(1, -1)] : [],
    );
    expect(explained.toSorted()).toEqual(wanted.toSorted());
  });

  test("lists every type of input, every capability and every action with its effect and parameters", () => {
    const { type } = runbookSchema.shape.inputs.unwrap().valueType.shape;
    for (const name of [...type.options, ...capabilityNames]) expect(format.text).toContain(`\`${name}\``);
    const listed = rowsOf(format).filter(([, effect = ""]) => /^(read|hold|write|destroy)$/.test(effect));
    expect(listed.map((row) => row.slice(0, 3).join(" | "))).toEqual(actions.map(actionRow));
  });
});

describe("the operator guide", () => {
  test("lists every step of the shipped runbook in its order, with its effect", () => {
    const effectOf = (name: string) => actions.find((action) => action.name === name)?.effect ?? "";
    const listed = rowsOf(guide).filter(([, effect = ""]) => /^(read|hold|write|destroy)$/.test(effect));
    expect(listed.map(([id, effect]) => `${id} ${effect}`)).toEqual(
      shipped.steps.map((step) => `\`${step.id}\` ${step.effect ?? effectOf(step.do ?? "")}`),
    );
  });

  test("explains every key of the screens", () => {
    const rows = rowsOf(guide).map(([keys = "", does = ""]) => ({ keys: keys.split(", "), does }));
    const missing = bindings.filter(
      ({ shows, label }) => !rows.some(({ keys, does }) => keys.includes(shows) && does.includes(label)),
    );
    expect(missing.map(({ shows, label }) => `${shows} ${label}`)).toEqual([]);
  });

  test("names every kind of lease that can be taken", () => {
    const kinds = leaseKinds();
    expect(kinds.length).toBeGreaterThan(5);
    expect(
      rowsOf(guide).flatMap(([kind = ""]) => (kinds.includes(kind.slice(1, -1)) ? [kind.slice(1, -1)] : [])),
    ).toEqual(expect.arrayContaining([...kinds]));
  });

  test("has the marker table's statements as the program runs them", () => {
    const flat = (sql: string) => sql.replaceAll(/\s+/g, " ").replaceAll("( ", "(").trim();
    const [shown = ""] = fenced(guide, "sql");
    const own = markerDdl.filter((statement) => !statement.includes("pg_advisory"));
    expect(flat(shown)).toBe(own.map((statement) => `${flat(statement)};`).join(" "));
  });
});

test("the table of exit codes has every one", () => {
  const rows = rowsOf(documentNamed("docs/exit-codes.md")).map(([code, name]) => `${code} ${name}`);
  expect(rows).toEqual(expect.arrayContaining(Object.entries(exitCodes).map(([name, { code }]) => `${code} ${name}`)));
});

/** What loading and the actions have against it; planning it throws, if anything. */
function problemsOf(file: string, text: string): readonly Problem[] {
  const read = readRunbook(file, text);
  if (!read.ok) return read.problems;
  const target = { name: "shop", engine: "postgres", environment: "sandbox", database: "shop" } as const;
  const request = { inputs: {}, targets: { main: target }, actions, keeps: { main: recoveries } };
  expect(planRunbook(read.loaded, request).steps.length).toBe(read.loaded.runbook.steps.length);
  return lintRunbook(read.loaded, actions);
}

function actionRow(action: (typeof actions)[number]): string {
  const fields = Object.entries((action.params as unknown as ZodObject).shape);
  const named = fields.map(([name, field]) => {
    const optional = (field as { safeParse(value: unknown): { success: boolean } }).safeParse(undefined).success;
    return `\`${name}${optional ? "?" : ""}\``;
  });
  return [`\`${action.name}\``, action.effect, named.join(", ")].join(" | ");
}

/** Of the drafts in PostgreSQL's folder: a kind, and in the next line its name. */
function leaseKinds(): readonly string[] {
  const folder = path.join(root, "src/engines/postgres");
  const texts = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(path.join(folder, name), "utf8"));
  const found = texts.flatMap((text) =>
    [...text.matchAll(/kind: "([a-z-]+)",\n\s+name\b/g)].map(([, kind = ""]) => kind),
  );
  return [...new Set(found)];
}
