/** What befalls one process of a trial. Written as one word each, so that a failed trial can be repeated from a command line. */
export type CrashFault =
  /** SIGKILL at the nth time that a boundary of this name is reached; `*` counts all of them. */
  | { readonly kind: "kill"; readonly at: Point }
  /** The terminal is lost (SIGHUP) at the boundary: the process may finish what is in the air, and pauses. */
  | { readonly kind: "hangup"; readonly at: Point }
  /** SIGKILL of the built program, so many milliseconds after it has printed so many lines. */
  | { readonly kind: "moment"; readonly lines: number; readonly ms: number }
  /** The connection breaks at the nth COMMIT: before the server hears it, or after it has committed and before its answer arrives. */
  | { readonly kind: "cut-before" | "cut-after"; readonly nth: number }
  /** SIGKILL while the nth writing statement is on its way: its session lives on, and the statement arrives late. */
  | { readonly kind: "orphan"; readonly nth: number }
  /** The server crashes and starts again while the process is at the boundary. */
  | { readonly kind: "restart"; readonly at: Point }
  /** The process is stopped at the boundary until every lock time-out is over, while a second one resumes; then it goes on. */
  | { readonly kind: "stop"; readonly at: Point }
  /** The journal's disk, or that of the scratch folder, is full from the boundary on, until the process has ended. */
  | { readonly kind: "full" | "full-scratch"; readonly at: Point }
  /** Our scratch server is killed while the process is at the boundary. */
  | { readonly kind: "scratch"; readonly at: Point };

export interface Point {
  readonly name: string;
  readonly nth: number;
}

export type FaultKind = CrashFault["kind"];
export const faultKinds: readonly FaultKind[] = [
  "kill",
  "moment",
  "hangup",
  "cut-before",
  "cut-after",
  "orphan",
  "restart",
  "stop",
  "full",
  "full-scratch",
  "scratch",
];

/** `kill@batch.done#2`, `moment@12+30`, `cut-before@3`. */
export function faultText(fault: CrashFault): string {
  switch (fault.kind) {
    case "moment":
      return `moment@${fault.lines}+${fault.ms}`;
    case "cut-before":
    case "cut-after":
    case "orphan":
      return `${fault.kind}@${fault.nth}`;
    case "kill":
    case "hangup":
    case "restart":
    case "stop":
    case "full":
    case "full-scratch":
    case "scratch":
      return `${fault.kind}@${fault.at.name}#${fault.at.nth}`;
  }
}

export function readFault(text: string): CrashFault {
  const [, word = "", rest = ""] = /^([a-z-]+)@(.+)$/.exec(text) ?? [];
  const kind = faultKinds.find((one) => one === word);
  switch (kind) {
    case "moment": {
      const [lines, ms] = numbers(/^(\d+)\+(\d+)$/, rest, text);
      return { kind, lines, ms };
    }
    case "cut-before":
    case "cut-after":
    case "orphan":
      return { kind, nth: numbers(/^(\d+)$/, rest, text)[0] };
    case "kill":
    case "hangup":
    case "restart":
    case "stop":
    case "full":
    case "full-scratch":
    case "scratch": {
      const [, name = ""] = /^(.+)#\d+$/.exec(rest) ?? [];
      return { kind, at: { name, nth: numbers(/^.+#(\d+)$/, rest, text)[0] } };
    }
    case undefined:
      throw new Error(`no fault is written so: ${text} (there are ${faultKinds.join(", ")})`);
  }
}

function numbers(form: RegExp, rest: string, text: string): [number, number] {
  const found = form.exec(rest);
  if (!found) throw new Error(`no fault is written so: ${text}`);
  return [Number(found[1]), Number(found[2] ?? 0)];
}
