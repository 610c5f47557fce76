import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { Fault } from "./errors.ts";
import type { YamlArea } from "./problem.ts";

/** Files are looked at before they are read: what is larger than this is no runbook and no configuration. */
const largestYaml = 256 * 1024;

/** A file's text, refused before it is read when it is no plain file or too large. Faults `…-NOT-FOUND`, `-UNREADABLE`, `-TOO-LARGE`. */
export function readYamlText(file: string, area: YamlArea): string {
  const what = area === "RUNBOOK" ? "runbook" : "configuration";
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw openFault(file, area, what, error);
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw fileFault(area, "UNREADABLE", `${file} is no plain file`, `Name a ${what} file.`);
    if (stat.size > largestYaml) {
      const sizes = `${stat.size.toLocaleString("en-US")} bytes; at most ${largestYaml.toLocaleString("en-US")} are read`;
      throw fileFault(area, "TOO-LARGE", `${file} has ${sizes}`, `Name a ${what}; this is something else.`);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(descriptor));
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw fileFault(area, "UNREADABLE", `${file} is no UTF-8 text`, `Write the ${what} as UTF-8.`);
  } finally {
    closeSync(descriptor);
  }
}

function openFault(file: string, area: YamlArea, what: string, error: unknown): Fault {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "ENOENT" || code === "ENOTDIR")
    return fileFault(area, "NOT-FOUND", `there is no ${what} ${file}`, "Check the name.");
  return fileFault(area, "UNREADABLE", `${file} can't be read (${code})`, "Check who may read it.");
}

function fileFault(area: YamlArea, what: string, message: string, hint: string): Fault {
  return new Fault(`HF-${area}-${what}`, message, { exit: "input", still: "Nothing was started.", hint });
}
