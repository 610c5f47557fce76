import { type Clock, utc } from "../core/clock.ts";
import { exitCodes } from "../core/exit-codes.ts";
import type { Content, Drawn } from "./mount.tsx";
import { ends, type Row, row, span } from "./rows.ts";
import { holdTerminal, type InkInput, inkInput, settleColours, sizeOf } from "./terminal.ts";

/** The screen before there is anything to show on it; whoever takes it over draws on, or gives the terminal back. */
export interface Opening {
  readonly drawn: Drawn;
  readonly input: InkInput;
  /** What is typed goes elsewhere from now on; the drawing stays. */
  handOver(): void;
  /** The normal screen again, when there will be nothing to show. */
  leave(): Promise<void>;
}

export interface OpeningParts {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly altScreen: boolean;
  readonly exit: (code: number) => void;
}

/**
 * Draws the header at once: the config and the journal are read while it stands there. Nothing is begun yet, so Ctrl-C and a lost terminal
 * leave at once, and other keys mean nothing.
 */
export async function drawOpening({ stdin, stdout, env, clock, altScreen, exit }: OpeningParts): Promise<Opening> {
  settleColours(env);
  const { mount } = await import("./mount.tsx");
  const input = inkInput();
  const onCrash = () => exit(exitCodes.bug.code);
  const drawn = mount(contentAt(clock, stdout), input, { stdout, altScreen }, onCrash);
  const leaveNow = () => void leave().then(() => exit(exitCodes.interrupted.code));
  const handOver = holdTerminal({
    stdin,
    stdout,
    onBytes: (bytes) => (bytes.includes(ctrlC) ? leaveNow() : undefined),
    onResize: () => drawn.show(contentAt(clock, stdout), onCrash),
    onInterrupt: leaveNow,
    onLost: leaveNow,
  });
  const leave = async () => {
    await drawn.unmount();
    handOver();
  };
  return { drawn, input, handOver, leave };
}

const ctrlC = 3;

function contentAt(clock: Clock, stdout: NodeJS.WriteStream): Content {
  const { columns } = sizeOf(stdout);
  const header: Row = ends(row(span("Holdfast", "strong")), row(utc(clock.now())), columns);
  return { kind: "rows", rows: [header, row("reading the config and the journal ..")] };
}
