import { mkdtempSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { Fault } from "../../src/core/errors.ts";
import { loadRunbook, readRunbook } from "../../src/runbooks/load.ts";
import { changed, good, problems } from "./runbook-text.ts";

test("a good runbook is read as it stands", () => {
  const result = readRunbook("demo.yaml", good);
  expect(result.ok && result.loaded.runbook.steps.map((step) => step.id)).toEqual(["find", "merge"]);
  expect(result.ok && result.loaded.text).toBe(good);
});

test.each([
  ["an unknown key", changed("title: A", "colour: red\ntitle: A"), "HF-RUNBOOK-UNKNOWN-KEY 3:1"],
  ["an unknown key of a step", changed("    choose: one", "    chose: one"), "HF-RUNBOOK-UNKNOWN-KEY 12:5"],
  ["a key that stands twice", changed("title: A", "id: other\ntitle: A"), "HF-RUNBOOK-DUPLICATE-KEY 3:1"],
  ["an anchor", changed("title: A", "title: &a A"), "HF-RUNBOOK-ANCHOR 3:11"],
  ["a tag", changed("title: A", "title: !!str A"), "HF-RUNBOOK-TAG 3:14"],
  ["a local tag", changed("title: A", "title: !exec A"), "HF-RUNBOOK-TAG 3:14"],
  ["a merge key", changed("title: A", "<<: { a: 1 }\ntitle: A"), "HF-RUNBOOK-MERGE-KEY 3:1"],
  ["a second document", `${good}---\n${good}`, "HF-RUNBOOK-SEVERAL-DOCUMENTS 21:1"],
  ["a key that is a list", changed("title: A", "[a]: b\ntitle: A"), "HF-RUNBOOK-KEY 3:1"],
  ["a key that would change objects", changed("title: A", "__proto__: { a: 1 }\ntitle: A"), "HF-RUNBOOK-KEY 3:1"],
  ["a missing title", changed("title: A demonstration\n", ""), "HF-RUNBOOK-MISSING 1:1"],
  ["a title that is a number", changed("A demonstration", "12"), "HF-RUNBOOK-SHAPE 3:8"],
  ["another format", changed("holdfast: 1", "holdfast: 2"), "HF-RUNBOOK-SHAPE 1:11"],
  ["an id with a slash", changed("id: demo", "id: ../demo"), "HF-RUNBOOK-SHAPE 2:5"],
  ["no main role", changed("{ main:", "{ other:"), "HF-RUNBOOK-SHAPE 4:8"],
  ["an unknown type of input", changed("type: instant", "type: date"), "HF-RUNBOOK-SHAPE 7:18"],
  ["a personal input", changed("optional: true", "personal: true"), "HF-RUNBOOK-SHAPE 7:60"],
  ["a tolerance above one", changed("0.01", "2"), "HF-RUNBOOK-SHAPE 20:16"],
  ["an input name with a dot", changed("  since:", "  si.nce:"), "HF-RUNBOOK-SHAPE 7:3"],
  ["a number that can't be kept", changed("0.01", "1e999"), "HF-RUNBOOK-SHAPE 20:16"],
  ["a step twice", changed("id: merge", "id: find"), "HF-RUNBOOK-REPEATED-STEP 13:9"],
  ["text around a reference", changed('"${inputs.table}"', '"x ${inputs.table}"'), "HF-RUNBOOK-REFERENCE 11:20"],
  [
    "two references in one",
    changed('"${inputs.table}"', '"${inputs.table}${inputs.table}"'),
    "HF-RUNBOOK-REFERENCE 11:20",
  ],
  ["a reference to nowhere", changed("inputs.table}", "env.HOME}"), "HF-RUNBOOK-REFERENCE 11:20"],
  ["an unknown input", changed("inputs.table}", "inputs.tabel}"), "HF-RUNBOOK-UNKNOWN-INPUT 11:20"],
  ["an input called like a method", changed("inputs.table}", "inputs.toString}"), "HF-RUNBOOK-UNKNOWN-INPUT 11:20"],
  ["an unknown step", changed("steps.find.choice", "steps.fund.choice"), "HF-RUNBOOK-UNKNOWN-STEP 17:24"],
  ["a reference to itself", changed("steps.find.choice", "steps.merge.result"), "HF-RUNBOOK-FORWARD-REFERENCE 17:24"],
  ["a reference forward", changed("${inputs.since}", "${steps.merge.result}"), "HF-RUNBOOK-FORWARD-REFERENCE 11:46"],
  ["a choice that nobody makes", changed("    choose: one\n", ""), "HF-RUNBOOK-NO-CHOICE 16:24"],
  [
    "a when that is no reference",
    changed('when: "${steps.find.result.any}"', "when: always"),
    "HF-RUNBOOK-REFERENCE 18:11",
  ],
  ["an unknown role", changed("    choose: one", "    choose: one\n    on: standby"), "HF-RUNBOOK-UNKNOWN-ROLE 13:9"],
  ["broken YAML", changed("title: A", "title: [A"), "HF-RUNBOOK-YAML 4:1"],
  ["a tab for indentation", changed("  - id: find", "\t- id: find"), "HF-RUNBOOK-YAML 9:1"],
  ["an empty file", "", "HF-RUNBOOK-SHAPE 1:1"],
  ["a list", "- a\n", "HF-RUNBOOK-SHAPE 1:1"],
])("%s is refused where it stands", (_what, text, expected) => {
  expect(problems(text)).toContain(expected);
});

test("an alias bomb is refused at its first alias, and never unfolded", () => {
  const levels = Array.from({ length: 30 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n}, `.repeat(9)}*l${n}]`);
  const found = problems(`l0: &l0 [lol]\n${levels.join("\n")}\n`);
  expect(found).toContain("HF-RUNBOOK-ALIAS 2:10");
  expect(found.length).toBeLessThan(1000);
});

test.each(["[", "{a: ", "- "])("a file nested without end by %j is refused with a code", (opening) => {
  const found = problems(`with: ${opening === "- " ? "\n" : ""}${opening.repeat(20_000)}`);
  expect(found.length).toBeGreaterThan(0);
  expect(found[0]).toMatch(/^HF-RUNBOOK-YAML/);
});

test("all problems are told at once, each with what would pass", () => {
  const result = readRunbook("demo.yaml", changed("id: demo", "id: DEMO").replace("choose: one", "choose: two"));
  const found = result.ok ? [] : result.problems;
  expect(found.map((one) => one.line)).toEqual([2, 12]);
  expect(found[0]?.expected).toContain("small letters");
  expect(found[1]?.expected).toBe("one of one");
});

test("an unknown key is answered with the nearest one, and the keys that there are", () => {
  const result = readRunbook("demo.yaml", changed('prompt: "Which table?"', 'prompt: "Which?", promt: x'));
  expect(result.ok ? "" : result.problems[0]?.expected).toBe("prompt; only type, prompt, optional, personal");
});

function faultOf(work: () => unknown) {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error.record;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const folder = mkdtempSync(join(tmpdir(), "holdfast-load-"));

test("a file of 10 MB is refused before it is read", () => {
  const file = join(folder, "large.yaml");
  writeFileSync(file, "");
  truncateSync(file, 10_000_000);
  const fault = faultOf(() => loadRunbook(file));
  expect(fault.code).toBe("HF-RUNBOOK-TOO-LARGE");
  expect(fault.message).toContain("10,000,000 bytes");
  expect(fault.exit).toBe("input");
});

test("what is no plain file is refused, and never waited for", () => {
  expect(faultOf(() => loadRunbook(folder)).code).toBe("HF-RUNBOOK-UNREADABLE");
  expect(faultOf(() => loadRunbook("/dev/zero")).code).toBe("HF-RUNBOOK-UNREADABLE");
  execFileSync("mkfifo", [join(folder, "pipe.yaml")]);
  expect(faultOf(() => loadRunbook(join(folder, "pipe.yaml"))).code).toBe("HF-RUNBOOK-UNREADABLE");
  symlinkSync("nowhere", join(folder, "dangling.yaml"));
  expect(faultOf(() => loadRunbook(join(folder, "dangling.yaml"))).code).toBe("HF-RUNBOOK-NOT-FOUND");
});

test("bytes that are no UTF-8 are refused", () => {
  const file = join(folder, "latin.yaml");
  writeFileSync(file, Buffer.from([0x61, 0x3a, 0x20, 0xe9, 0x0a]));
  expect(faultOf(() => loadRunbook(file)).code).toBe("HF-RUNBOOK-UNREADABLE");
});

test("a fault names file, line, column, what was expected, and how much more there is", () => {
  const file = join(folder, "bad.yaml");
  writeFileSync(file, changed("id: demo", "id: DEMO").replace("choose: one", "choose: two"));
  const fault = faultOf(() => loadRunbook(file));
  expect(fault.message).toBe(`${file}:2:5: id is not what it must be`);
  expect(fault.hint).toMatch(/^Expected: the runbook's id: small letters.*1 more in this file\.$/);
});
