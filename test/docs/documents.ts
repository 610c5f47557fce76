import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../support/source.ts";

export interface Document {
  /** From the checkout's root: `docs/glossary.md`. */
  readonly file: string;
  readonly text: string;
}

/** Every document that a reader may be handed. */
export const documents: readonly Document[] = ["", "docs"]
  .flatMap((folder) => readdirSync(path.join(root, folder)).map((name) => path.join(folder, name)))
  .filter((file) => file.endsWith(".md"))
  .map((file) => ({ file, text: readFileSync(path.join(root, file), "utf8") }));

export function documentNamed(file: string): Document {
  const found = documents.find((document) => document.file === file);
  if (found === undefined) throw new Error(`there is no document ${file}`);
  return found;
}

/** What stands in the fenced blocks of a language. */
export function fenced({ text }: Document, language: string): readonly string[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, name, body = ""]) =>
    name === language ? [body] : [],
  );
}

/** The cells of every table row, as written. */
export function rowsOf({ text }: Document): readonly (readonly string[])[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| -"))
    .map((line) => line.slice(2, -2).split(" | "))
    .map((cells) => cells.map((cell) => cell.trim()));
}

/** Lines of shell blocks that begin with `holdfast`, without their comments. */
export function commandsIn(document: Document): readonly string[] {
  return fenced(document, "sh")
    .flatMap((block) => block.split("\n"))
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => /^holdfast( |$)/.test(line));
}
