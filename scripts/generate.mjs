// Writes what is made from the sources: JSON Schemas for editors, and the table of exit codes. `--check` fails when a file is stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { z } from "zod";
import { configSchema } from "../src/config/schema.ts";
import { exitCodes } from "../src/core/exit-codes.ts";
import { readyTargetShape } from "../src/core/readiness.ts";
import { runbookSchema } from "../src/runbooks/schema.ts";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const check = process.argv.includes("--check");

const files = {
  "runbooks/runbook.schema.json": jsonSchema(runbookSchema, "A Holdfast runbook"),
  "runbooks/config.schema.json": jsonSchema(configSchema, "Holdfast's configuration, holdfast.yaml"),
  "docs/doctor.schema.json": jsonSchema(readyTargetShape, "One line of holdfast doctor --json"),
  "docs/exit-codes.md": exitCodeTable(),
};

const stale = [];
for (const [file, text] of Object.entries(files)) {
  const place = path.join(root, file);
  const options = (await resolveConfig(place)) ?? {};
  const made = await format(text, { ...options, filepath: place });
  if (existsSync(place) && readFileSync(place, "utf8") === made) continue;
  stale.push(file);
  if (check) continue;
  mkdirSync(path.dirname(place), { recursive: true });
  writeFileSync(place, made);
}
for (const file of stale) console.log(check ? `${file} is stale: run npm run generate` : `wrote ${file}`);
if (stale.length === 0) console.log("every generated file is up to date");
if (check && stale.length > 0) process.exitCode = 1;

function jsonSchema(schema, title) {
  return JSON.stringify({ title, ...z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) });
}

function exitCodeTable() {
  const rows = Object.entries(exitCodes).map(([name, { code, means }]) => `| ${code} | ${name} | ${means} |`);
  const text = [
    "# Exit codes",
    "",
    "Made from `src/core/exit-codes.ts` by `npm run generate`. A code never changes its meaning.",
    "",
    "| Code | Name | Meaning |",
    "| --- | --- | --- |",
    ...rows,
    "",
    "Every fault that ends a command also has a code of its own (`HF-AREA-WHAT`), a sentence, and what to do next.",
  ];
  return `${text.join("\n")}\n`;
}
