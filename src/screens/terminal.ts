import { PassThrough } from "node:stream";

/** What Ink reads: only what the pump lets through. The real terminal's raw mode stays ours. */
export type InkInput = PassThrough & {
  isTTY: boolean;
  setRawMode(on: boolean): InkInput;
  ref(): InkInput;
  unref(): InkInput;
};

export function inkInput(): InkInput {
  const stream = Object.assign(new PassThrough(), { isTTY: true }) as InkInput;
  stream.setRawMode = () => stream;
  stream.ref = () => stream;
  stream.unref = () => stream;
  return stream;
}

export interface TerminalParts {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  onBytes: (bytes: Buffer) => void;
  onResize: () => void;
  /** SIGINT from outside; a key sends none in raw mode. */
  onInterrupt: () => void;
  /** The screen is gone, or the system wants us to end. */
  onLost: (why: string) => void;
}

/** Raw mode, bytes, resizes, and every way in which a terminal goes away. Gives what undoes it all; idempotent. */
export function holdTerminal({ stdin, stdout, onBytes, onResize, onInterrupt, onLost }: TerminalParts): () => void {
  const lost = (why: string) => () => onLost(why);
  const signals = { SIGTERM: lost("SIGTERM"), SIGHUP: lost("the terminal hung up"), SIGINT: onInterrupt } as const;
  const onEnd = lost("the terminal's input ended");
  // EIO and EPIPE of a lost SSH connection arrive here; without a listener they would end the process in the middle of a step.
  const onError = lost("the terminal was lost");
  stdin.setRawMode?.(true);
  stdin.on("data", onBytes);
  stdin.on("end", onEnd);
  stdin.on("error", onError);
  stdout.on("error", onError);
  stdout.on("resize", onResize);
  for (const [signal, handler] of Object.entries(signals)) process.on(signal, handler);
  stdin.resume();
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    stdin.off("data", onBytes);
    stdin.off("end", onEnd);
    stdout.off("resize", onResize);
    for (const [signal, handler] of Object.entries(signals)) process.off(signal, handler);
    letGo(stdin);
  };
}

/** The error listeners stay: a write that was under way may still fail, and nobody is left who could do anything about it. */
function letGo(stdin: NodeJS.ReadStream): void {
  try {
    stdin.setRawMode?.(false);
  } catch {
    // the terminal is gone: there is no mode left to restore
  }
  stdin.pause();
  stdin.unref?.();
}

export interface WindowSize {
  readonly columns: number;
  readonly rows: number;
}

export function sizeOf(stdout: NodeJS.WriteStream): WindowSize {
  return { columns: stdout.columns || 80, rows: stdout.rows || 24 };
}

/** Chalk does not know NO_COLOR: it is told before anything that imports it (mount.tsx) is loaded. */
export function settleColours(env: NodeJS.ProcessEnv): void {
  if (isColourless(env)) process.env.FORCE_COLOR = "0";
}

export function isColourless(env: NodeJS.ProcessEnv): boolean {
  return (env.NO_COLOR ?? "") !== "";
}
