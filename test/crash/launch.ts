import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { packageNode, mainScript } from "../support/cli.ts";
import { root } from "../support/source.ts";
import type { Place } from "./place.ts";
import type { ProgramRequest } from "./program.ts";

/** How a process of the program ended. */
export interface Ended {
  readonly args: readonly string[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** It had to be ended because it did not end by itself. */
  readonly hung: boolean;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Settles when it has printed so many lines; never, when it ends before. */
  printed(lines: number): Promise<void>;
  /** Settles with true when it stands still, with false when it ended before. */
  stopped(): Promise<boolean>;
}

const program = path.join(root, "test/crash/program.ts");
const patienceMs = 120_000;

/** The built program as it ships, or, given a request, the same command line with something put in. */
export function launch(place: Place, args: readonly string[], request: Omit<ProgramRequest, "trace"> | null): Running {
  const words =
    request === null
      ? [mainScript]
      : [program, JSON.stringify({ ...request, trace: place.trace } satisfies ProgramRequest)];
  const child = spawn(packageNode, [...words, ...args], {
    cwd: place.work,
    env: place.env,
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own: Ctrl-C is for the harness, and the kernel hangs up a whole group that has a stopped member when its shell ends.
    detached: true,
  });
  const said = { stdout: "", stderr: "" };
  let hung = false;
  const patience = setTimeout(() => (hung = child.kill("SIGKILL")), patienceMs);
  const hearers = new Set<() => void>();
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (piece: string) => {
      said[stream] += piece;
      for (const hear of hearers) hear();
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code, signal) => {
      clearTimeout(patience);
      resolve({ args, code, signal, ...said, hung });
    });
  });
  return {
    child,
    ended,
    printed: (lines) =>
      new Promise((resolve) => {
        const hear = () => {
          if (said.stdout.split("\n").length - 1 >= lines) resolve();
        };
        hearers.add(hear);
        hear();
      }),
    stopped: () => untilStopped(child),
  };
}

/** The third field of the kernel's word on a process is T while a signal holds it. */
async function untilStopped(child: ChildProcess): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    if (stateOf(child.pid) === "T") return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}

function stateOf(pid: number | undefined): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .charAt(0);
  } catch {
    return "";
  }
}
