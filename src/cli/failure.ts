import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ExitName } from "../core/exit-codes.ts";
import { Fault } from "../core/errors.ts";
import { faultLines } from "../words/fault-lines.ts";
import { cleanForTerminal } from "../words/format.ts";
import type { Started } from "../words/commands.ts";
import type { Io } from "./parts.ts";
import { lineWriter } from "./output.ts";

/** Says what was thrown: a fault in full, a bug in one line with the file that holds its stack. Never throws. */
export function sayFailure(error: unknown, folder: () => string, started: Started, io: Io): ExitName {
  const say = lineWriter(io.stderr);
  if (error instanceof Fault) {
    for (const line of faultLines(error.record, started)) say(line);
    return error.record.exit;
  }
  const name = error instanceof Error ? error.name : typeof error;
  say(cleanForTerminal(`HF-BUG  a fault of Holdfast itself (${name}); its stack: ${keepStack(error, folder, io)}`));
  return "bug";
}

/** In the journal's folder, else where temporary files go; only its owner can read it, since a stack may quote anything. */
function keepStack(error: unknown, folder: () => string, io: Io): string {
  const text = error instanceof Error ? `${error.stack ?? error.message}\n` : `${String(error)}\n`;
  for (const place of [folder, tmpdir]) {
    try {
      mkdirSync(place(), { recursive: true, mode: 0o700 });
      const file = join(place(), `bug-${io.clock.now()}-${process.pid}.txt`);
      writeFileSync(file, text, { flag: "wx", mode: 0o600 });
      return file;
    } catch {
      continue; // the next place, or none: the line is said all the same
    }
  }
  return "could not be written anywhere";
}
