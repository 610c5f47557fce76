import { readFile } from "node:fs/promises";
import { execa, ExecaError } from "execa";
import { Fault } from "../core/errors.ts";
import { Secret } from "../core/secret.ts";

/** Where a secret is kept. The config holds this, never the secret, and it is resolved anew for each run. */
export type SecretReference =
  | { readonly kind: "env"; readonly name: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "command"; readonly argv: readonly string[] }
  /** A URL that has no password, and so is none. */
  | { readonly kind: "plain"; readonly text: string };

const commandTakesMs = 30_000;
const longestSecret = 16 * 1024;

/** Faults `HF-SECRET-…` (exit `input`) say which reference failed and why, never what was found there. */
export async function resolveSecret(reference: SecretReference, env: NodeJS.ProcessEnv): Promise<Secret> {
  const text = (await readReference(reference, env)).replace(/\r?\n$/, "");
  if (text === "") throw secretFault("EMPTY", `${secretWords(reference)} is empty`, "Put the URL there.");
  if (text.length > longestSecret) throw secretFault("TOO-LONG", `${secretWords(reference)} is no URL`, "Check it.");
  return new Secret(text);
}

/** `the variable DATABASE_URL`: the place, in words; a command's arguments may hold a secret, so only its name is said. */
function secretWords(reference: SecretReference): string {
  switch (reference.kind) {
    case "env":
      return `the variable ${reference.name}`;
    case "file":
      return `the file ${reference.path}`;
    case "command":
      return `what ${reference.argv[0] ?? ""} prints`;
    case "plain":
      return "the URL";
  }
}

async function readReference(reference: SecretReference, env: NodeJS.ProcessEnv): Promise<string> {
  switch (reference.kind) {
    case "plain":
      return reference.text;
    case "env":
      return readVariable(reference.name, env);
    case "file":
      return readSecretFile(reference.path);
    case "command":
      return runCommand(reference.argv, env);
  }
}

function readVariable(name: string, env: NodeJS.ProcessEnv): string {
  const value = env[name];
  if (value !== undefined) return value;
  throw secretFault("MISSING", `the variable ${name} is not set`, `Set it in this shell: export ${name}=...`);
}

async function readSecretFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    throw secretFault("MISSING", `the file ${path} can't be read (${code})`, "It holds the URL, alone on one line.");
  }
}

async function runCommand(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const [program = "", ...rest] = argv;
  try {
    const done = await execa(program, rest, { env, extendEnv: false, stdin: "ignore", timeout: commandTakesMs });
    return done.stdout;
  } catch (error) {
    const why = error instanceof ExecaError ? commandWords(error) : "it could not be started";
    throw secretFault(
      "COMMAND",
      `${program} gave no URL: ${why}`,
      "Run it by hand: it prints the URL and exits with 0.",
    );
  }
}

function commandWords(error: ExecaError): string {
  if (error.timedOut) return `it took longer than ${commandTakesMs / 1000} s`;
  if (error.exitCode !== undefined) return `it ended with ${error.exitCode}`;
  return error.code === undefined ? "it was ended" : `it could not be started (${error.code})`;
}

function secretFault(what: string, message: string, hint: string): Fault {
  return new Fault(`HF-SECRET-${what}`, message, { exit: "input", still: "Nothing was started.", hint });
}
