import { existsSync } from "node:fs";
import path from "node:path";
import type { Command, CommanderError } from "commander";
import { describe, expect, test } from "vitest";
import { commandLine } from "../../src/cli/command-line.ts";
import type { CliParts, Io } from "../../src/cli/parts.ts";
import { exitCodes } from "../../src/core/exit-codes.ts";
import { loadRunbook } from "../../src/runbooks/load.ts";
import { findRunbook } from "../../src/runbooks/shipped.ts";
import { root } from "../support/source.ts";
import { commandsIn, type Document, documentNamed, documents, fenced } from "./documents.ts";
import { emittedCode } from "./fault-codes.ts";

describe("every document", () => {
  test("is looked at, those that a project has among them", () => {
    const names = documents.map(({ file }) => file);
    const wanted = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"];
    expect(names).toEqual(expect.arrayContaining([...wanted, "docs/operator-guide.md", "docs/runbook-format.md"]));
  });

  test("shows only commands that the command line takes, with the flags that it has", () => {
    const shown = documents.flatMap((document) => commandsIn(document).map((line) => ({ file: document.file, line })));
    expect(shown.length).toBeGreaterThan(15);
    for (const { file, line } of shown) expect(refusal(line), `${file}: ${line}`).toBeNull();
  });

  test("links only to what is there", () => {
    const broken = documents.flatMap((document) => linksOf(document).filter((link) => !existsSync(link.place)));
    expect(broken).toEqual([]);
    expect(linksOf(documentNamed("README.md")).length).toBeGreaterThan(20);
  });

  test("names only fault codes that the program can give", () => {
    const named = documents.flatMap(({ file, text }) =>
      [...text.matchAll(/HF-[A-Z0-9]+(?:-[A-Z0-9]+)+(?!-)/g)].map(([code]) => ({ file, code })),
    );
    expect(named.length).toBeGreaterThan(15);
    expect(["HF-TARGET-NOBODY", "HF-RUNBOOK-NOTHING"].filter(emittedCode)).toEqual([]);
    expect(named.filter(({ code }) => code !== "HF-AREA-WHAT" && !emittedCode(code))).toEqual([]);
  });

  test("gives every exit code with its name, as the table has it", () => {
    const named = documents.flatMap(({ file, text }) =>
      [...text.matchAll(/\bexit (\d+)(?: \(([a-z-]+)\))?/gi)].map(([, code, name]) => `${file}: ${code} ${name ?? ""}`),
    );
    const known = Object.entries(exitCodes).map(([name, { code }]) => `${code} ${name}`);
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((one) => !known.includes(one.replace(/^.*?: /, "")))).toEqual([]);
  });

  test("shows screens in ASCII", () => {
    const screens = documents.flatMap((document) => fenced(document, "text"));
    expect(screens.length).toBeGreaterThan(2);
    // oxlint-disable-next-line no-control-regex
    expect(screens.filter((screen) => /[^\x00-\x7f]/.test(screen))).toEqual([]);
  });
});

test("the README fits its promise of being short", () => {
  expect(documentNamed("README.md").text.split("\n").length).toBeLessThan(200);
});

test("a command with a wrong name, flag, input or step would be noticed", () => {
  const wrong = [
    "holdfast runn restore-after-bad-delete",
    "holdfast run restore-after-bad-delete --taget shop",
    "holdfast run restore-after-bad-delete --set tabel=public.orders",
    "holdfast run restore-after-bad-delete --choose trigger=skip",
    "holdfast run",
    "holdfast journal shw 7F3K",
    "holdfast init --url-env DATABASE_URL --target shop",
    "holdfast completion tcsh",
  ];
  expect(wrong.filter((line) => refusal(line) === null)).toEqual([]);
});

/** Why the command line would not take it as it stands; null when it would. Nothing is run. */
function refusal(line: string): string | null {
  const words = wordsOf(line).slice(1);
  const io = { stdout: { write: () => true }, stderr: { write: () => true } } as unknown as Io;
  const program = commandLine({ version: "0.0.0" } as CliParts, io, () => undefined);
  try {
    for (const command of [program, ...allOf(program)]) command.exitOverride().action(() => undefined);
    program.parse(words, { from: "user" });
  } catch (error) {
    if ((error as CommanderError).code !== "commander.helpDisplayed") return (error as Error).message;
  }
  return strangerIn(words);
}

function allOf(command: Command): readonly Command[] {
  if (command.commands.length === 0) return [command];
  return command.commands.flatMap(allOf);
}

/** `--set` and `--choose` name what the shipped runbook has. */
function strangerIn(words: readonly string[]): string | null {
  if (words[0] !== "run" && words[0] !== "resume") return null;
  const { inputs = {}, steps } = loadRunbook(findRunbook("restore-after-bad-delete")).runbook;
  const known = {
    "--set": Object.keys(inputs),
    "--choose": steps.filter((step) => step.choose !== undefined).map((step) => step.id),
  };
  const named = (flag: string) =>
    words.flatMap((word, at) => (words[at - 1] === flag ? [word.split("=")[0] ?? ""] : []));
  const strangers = Object.entries(known).flatMap(([flag, names]) =>
    named(flag).filter((name) => !names.includes(name)),
  );
  return strangers[0] ?? null;
}

function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? "",
  );
}

function linksOf({ file, text }: Document): readonly { readonly file: string; readonly place: string }[] {
  return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].flatMap(([, to = ""]) =>
    /^[a-z]+:/.test(to) ? [] : [{ file, place: path.join(root, path.dirname(file), to) }],
  );
}
