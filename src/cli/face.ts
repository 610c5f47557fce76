import type { Io } from "./parts.ts";

export interface FaceFlags {
  readonly plain?: boolean;
  readonly json?: boolean;
}

/** `why` is the first line that the plain face prints. `interactive`: questions can be asked. */
export type Face =
  | { readonly kind: "screens" }
  | { readonly kind: "plain"; readonly why: string; readonly interactive: boolean }
  | { readonly kind: "json" };

/** A flag wins over the environment, and the environment over what the terminal is. No terminal is sniffed at. */
export function chooseFace(flags: FaceFlags, io: Pick<Io, "stdin" | "stdout" | "env">): Face {
  if (flags.json) return { kind: "json" };
  const why = whyPlain(flags, io);
  if (why === null) return { kind: "screens" };
  const terminals = io.stdin.isTTY && io.stdout.isTTY;
  return { kind: "plain", why: `plain lines: ${why}`, interactive: terminals && !isSet(io.env.CI) };
}

function whyPlain(flags: FaceFlags, { stdin, stdout, env }: Pick<Io, "stdin" | "stdout" | "env">): string | null {
  if (flags.plain) return "--plain was given";
  const variable = ["HOLDFAST_PLAIN", "ACCESSIBLE", "INK_SCREEN_READER", "CI"].find((name) => isSet(env[name]));
  if (variable !== undefined) return `${variable} is set`;
  if (env.TERM === "dumb") return "TERM is dumb";
  if (!stdout.isTTY) return "stdout is no terminal";
  return stdin.isTTY ? null : "stdin is no terminal";
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}
