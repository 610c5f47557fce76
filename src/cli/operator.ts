import { usageFault } from "./flags.ts";

/** Who drives a run, as the journal, the server's session list and every face show it. */
export function operatorName(text: string): string {
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,31}$/u.test(text)) return text;
  throw usageFault(
    "that is no operator's name",
    "What would pass: 1 to 32 letters, digits, dots, _ or -: --operator ops_k",
  );
}
