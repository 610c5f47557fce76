import { parseArgs } from "node:util";
import { type CrashFault, type FaultKind, faultKinds, readFault } from "./fault.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { canMount } from "./place.ts";
import { crashIncidents, crashPaths, type PostgresCase } from "./postgres-incident.ts";

/** What the command line asks for. */
export interface CrashWishes {
  readonly runbook: string;
  readonly engine: string;
  /** By which path the rows come back, and what took them. */
  readonly which: PostgresCase;
  /** Random trials. */
  readonly trials: number;
  readonly depth: number;
  readonly seed: number;
  readonly boundaries: number;
  readonly kinds: readonly FaultKind[];
  readonly mutant: Mutant | undefined;
  /** Exactly this trial, and no other. */
  readonly repeat: readonly CrashFault[] | null;
  readonly face: "json" | "plain";
}

export const usage = `npm run test:crash -- [flags]
  --runbook ID         restore-after-bad-delete
  --engine NAME        postgres or memory                                   (postgres)
  --path NAME          ${crashPaths.join(", ")}: on postgres, with what that path needs (recommended)
  --incident NAME      ${crashIncidents.join(", ")}; a truncate with --path clone,    (delete)
                       an update with --path recommended, wal or clone
  --boundaries WHICH   all, none, or how many, spread evenly: each once     (all; none with --trials or --mutant)
  --trials N           random trials                                        (20)
  --depth N            how many processes of one run a fault befalls, 1 to 3 (1)
  --seed N             what the random trials are drawn from                (1)
  --faults LIST        of ${faultKinds.join(", ")}; connection = both cuts
  --mutant NAME        a broken product: ${mutants.join(", ")}
  --repeat "FAULTS"    one trial, exactly: as a failure prints it; with --face plain where it says so
  --help               this, and nothing else
Ends with 1 where an invariant broke (with --mutant: where none did), or where no fault of --repeat struck.`;

const options = {
  runbook: { type: "string", default: "restore-after-bad-delete" },
  engine: { type: "string", default: "postgres" },
  path: { type: "string", default: "recommended" },
  incident: { type: "string", default: "delete" },
  trials: { type: "string" },
  depth: { type: "string", default: "1" },
  seed: { type: "string", default: "1" },
  boundaries: { type: "string" },
  faults: { type: "string" },
  mutant: { type: "string" },
  repeat: { type: "string" },
  face: { type: "string", default: "json" },
} as const;

export function asksHelp(args: readonly string[]): boolean {
  return args.includes("--help") || args.includes("-h");
}

/** Throws with what is wrong, in words. */
export function readWishes(args: readonly string[]): CrashWishes {
  const { values } = parseArgs({ args: [...args], options });
  const mutant = oneOf("--mutant", values.mutant, mutants);
  const repeat = values.repeat?.trim().split(/\s+/).map(readFault) ?? null;
  const onlyRandom = values.trials !== undefined || mutant !== undefined;
  return {
    runbook: values.runbook,
    engine: values.engine,
    which: whichOf(values),
    trials: repeat === null ? whole("--trials", values.trials ?? "20") : 0,
    depth: oneOf("--depth", values.depth, ["1", "2", "3"]) === undefined ? 1 : Number(values.depth),
    seed: whole("--seed", values.seed),
    boundaries: repeat === null ? howMany(values.boundaries ?? (onlyRandom ? "none" : "all")) : 0,
    kinds: kindsOf(values.faults, values.engine),
    mutant,
    repeat,
    face: oneOf("--face", values.face, ["json", "plain"]) ?? "json",
  };
}

function whichOf(values: { readonly path: string; readonly incident: string; readonly engine: string }): PostgresCase {
  const path = oneOf("--path", values.path, crashPaths) ?? "recommended";
  const incident = oneOf("--incident", values.incident, crashIncidents) ?? "delete";
  if (values.engine === "memory" && path !== "recommended") throw new Error("--path is for --engine postgres");
  if (incident === "truncate" && path !== "clone") throw new Error("--incident truncate needs --path clone");
  if (incident === "update" && (path === "beside" || path === "pg-dirtyread"))
    throw new Error("--incident update needs --path recommended, wal or clone");
  return { path, incident };
}

/** A server in memory has no connection and no process of its own. */
const onServersOnly: readonly FaultKind[] = ["cut-before", "cut-after", "orphan", "restart", "full-scratch", "scratch"];

function kindsOf(list: string | undefined, engine: string): readonly FaultKind[] {
  const possible = faultKinds.filter((kind) => engine !== "memory" || !onServersOnly.includes(kind));
  if (list === undefined) return possible.filter((kind) => !kind.startsWith("full") || canMount);
  const named = list.split(",").flatMap((word) => (word === "connection" ? ["cut-before", "cut-after"] : [word]));
  return named.map((word) => {
    const kind = oneOf("--faults", word, possible);
    if (kind === undefined) throw new Error("--faults names none");
    if (kind.startsWith("full") && !canMount) throw new Error(`--faults ${kind}: only root can mount a small disk`);
    return kind;
  });
}

function howMany(text: string): number {
  if (text === "all") return Number.POSITIVE_INFINITY;
  return text === "none" ? 0 : whole("--boundaries", text);
}

function whole(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error(`${flag} takes a whole number, not ${text}`);
}

function oneOf<T extends string>(flag: string, text: string | undefined, known: readonly T[]): T | undefined {
  const found = known.find((one) => one === text);
  if (found === undefined && text !== undefined) throw new Error(`${flag} takes ${known.join(", ")}, not ${text}`);
  return found;
}
