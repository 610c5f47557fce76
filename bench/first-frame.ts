import pty from "@lydell/node-pty";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { rolldown } from "rolldown";
import { absolute, atMost, type Figure, median } from "./timing.ts";

const rounds = 15;
const watchedMs = 8000;
const settlingMs = 1500;
const root = path.resolve(import.meta.dirname, "..");
const program = path.join(root, "dist/main.js");

/** P4: how soon the program is there, and what a live screen costs. */
export async function firstFrame(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "hf-frame-"));
  try {
    const { frame, usable, version, node } = await starts(folder);
    const live = await liveScreen(folder);
    return [
      atMost(
        "P4",
        "first frame of the screens, in a pty, built, compile cache warm",
        frame,
        node,
        5.5,
        "ms",
        "node -e 0",
      ),
      withoutBar("the same, until open runs and environments are listed", usable, node),
      atMost("P4", "--version, in a pty", version, node, 1.5, "ms", "node -e 0"),
      absolute("P4", `live run, 40 steps, bar at ${live.updates.toFixed(1)} frames/s: of one core`, live.cpu, 10, "%"),
      absolute("P4", "live run: bytes of a steady frame", live.bytesPerFrame, 600, "B"),
      absolute("P4", "live run: to the terminal", live.kilobytesPerSecond, 10, "KB/s"),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** For honesty: the header comes before the config and the journal are read. */
function withoutBar(what: string, ours: number, node: number): Figure {
  return { ...atMost("P4", what, ours, node, Number.MAX_VALUE, "ms", "node -e 0"), bar: "none" };
}

interface Starts {
  readonly frame: number;
  readonly usable: number;
  readonly version: number;
  readonly node: number;
}

/** Interleaved, so that a noisy neighbour meets all three; the first round fills the compile cache and is not counted. */
async function starts(folder: string): Promise<Starts> {
  const target = { engine: "postgres", url: "env:DATABASE_URL", environment: "sandbox", database: "shop" };
  writeFileSync(path.join(folder, "holdfast.yaml"), JSON.stringify({ targets: { shop: target } }));
  const taken = { frame: [] as number[], usable: [] as number[], version: [] as number[], node: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    const { frame, usable } = await untilPainted(folder);
    const version = await untilEnded(folder, [program, "--version"]);
    const node = await untilEnded(folder, ["-e", "0"]);
    if (round === 0) continue;
    taken.frame.push(frame);
    taken.usable.push(usable);
    taken.version.push(version);
    taken.node.push(node);
  }
  return {
    frame: median(taken.frame),
    usable: median(taken.usable),
    version: median(taken.version),
    node: median(taken.node),
  };
}

/** From spawn to the header on the screen; then the program is asked to leave, and has to. */
async function untilPainted(folder: string): Promise<Pick<Starts, "frame" | "usable">> {
  const began = performance.now();
  const child = inTerminal(folder, [program]);
  const painted = await child.shows(/Holdfast/);
  const listed = await child.shows(/which environment\?/);
  child.type("q");
  const code = await child.ended;
  if (code !== 0) throw new Error(`the screens ended with ${code}:\n${child.said()}`);
  return { frame: painted - began, usable: listed - began };
}

async function untilEnded(folder: string, args: readonly string[]): Promise<number> {
  const began = performance.now();
  const code = await inTerminal(folder, args).ended;
  if (code !== 0) throw new Error(`node ${args.join(" ")} ended with ${code}`);
  return performance.now() - began;
}

interface Live {
  readonly cpu: number;
  readonly updates: number;
  readonly bytesPerFrame: number;
  readonly kilobytesPerSecond: number;
}

/** Watched from outside: bytes as the terminal gets them, frames by the marks around each, processor time as the kernel counts it. */
async function liveScreen(folder: string): Promise<Live> {
  const child = inTerminal(folder, [await bundled(folder)], 46);
  try {
    await child.shows(/rows\/s/);
    await sleep(settlingMs);
    const [before, ticks, began] = [child.said().length, ticksOf(child.pid), performance.now()];
    await sleep(watchedMs);
    const [written, used] = [child.said().slice(before), ticksOf(child.pid) - ticks];
    return liveFigures(written, used, (performance.now() - began) / 1000);
  } finally {
    child.kill();
    await child.ended;
  }
}

/** `ticks`: hundredths of a second of processor time. */
export function liveFigures(written: string, ticks: number, seconds: number): Live {
  const frames = written.split("\u001b[?2026h").length - 1;
  if (frames < seconds * 5)
    throw new Error(`the live screen drew ${frames} frames in ${seconds.toFixed(1)} s: it stands still`);
  const bytes = Buffer.byteLength(written);
  return {
    cpu: ticks / seconds,
    updates: frames / seconds,
    bytesPerFrame: bytes / frames,
    kilobytesPerSecond: bytes / 1000 / seconds,
  };
}

/** utime and stime: the 14th and 15th field, counted behind the name, which may hold anything. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

async function bundled(folder: string): Promise<string> {
  const bundle = await rolldown({
    input: path.join(root, "bench/live-run.ts"),
    platform: "node",
    transform: { define: { "process.env.NODE_ENV": '"production"' } },
    external: ["react-devtools-core"],
  });
  await bundle.write({
    dir: path.join(folder, "live"),
    format: "esm",
    entryFileNames: "live.mjs",
    chunkFileNames: "[name]-[hash].mjs",
  });
  await bundle.close();
  return path.join(folder, "live/live.mjs");
}

interface Child {
  readonly pid: number;
  readonly ended: Promise<number>;
  said(): string;
  /** When it was there, in the time of `performance.now()`; fails when the program ends before. */
  shows(text: RegExp): Promise<number>;
  type(keys: string): void;
  kill(): void;
}

const patienceMs = 20_000;

function inTerminal(folder: string, args: readonly string[], rows = 30): Child {
  const child = pty.spawn(process.execPath, [...args], {
    name: "xterm-256color",
    cols: 100,
    rows,
    cwd: folder,
    env: envOf(folder),
  });
  let written = "";
  const hearers = new Set<() => void>();
  child.onData((data) => {
    written += data;
    for (const hear of hearers) hear();
  });
  const ended = new Promise<number>((resolve) =>
    child.onExit(({ exitCode, signal }) => resolve(signal ? 128 + signal : exitCode)),
  );
  const shows = (text: RegExp) =>
    new Promise<number>((resolve, reject) => {
      const fail = (why: string) => () => reject(new Error(`no ${String(text)} ${why}:\n${written}`));
      const late = setTimeout(fail(`after ${patienceMs} ms`), patienceMs);
      const hear = () => {
        if (!text.test(written)) return;
        clearTimeout(late);
        hearers.delete(hear);
        resolve(performance.now());
      };
      hearers.add(hear);
      void ended.then(fail("before the program ended"));
      hear();
    });
  return {
    pid: child.pid,
    ended,
    said: () => written,
    shows,
    type: (keys) => child.write(keys),
    kill: () => child.kill("SIGKILL"),
  };
}

/** Nothing of the account that runs the bench: no colour or face chosen, a compile cache and a journal of its own. */
function envOf(folder: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: folder,
    XDG_STATE_HOME: path.join(folder, "state"),
    NODE_COMPILE_CACHE: path.join(folder, "compiled"),
    TERM: "xterm-256color",
    DATABASE_URL: "postgres://ops@127.0.0.1:1/shop",
  };
}
