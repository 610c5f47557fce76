import type { FaultRecord } from "../core/errors.ts";
import { pasteable, type Started } from "./commands.ts";
import { cleanForTerminal } from "./format.ts";

/** A fault in the order in which it helps: what happened, what is still true, what to do, and commands that stand alone on their rows, choices with what each is. */
export function faultLines(fault: FaultRecord, started: Started): readonly string[] {
  const part = (label: string, text: string | undefined) => (text === undefined ? [] : [`  ${label}: ${text}`]);
  const lines = [
    `${fault.code}  ${fault.message}`,
    ...part("cause", fault.cause),
    ...part("still true", fault.still),
    ...part("what to do", fault.hint),
  ];
  const labels = fault.choices?.open.map(({ label }) => `   # ${label}`) ?? []; // to a shell it is a comment
  const next = (fault.next ?? []).map((command, nth) => `  ${pasteable(command, started)}${labels[nth] ?? ""}`);
  return [...lines, ...next].map((line) => cleanForTerminal(line));
}
