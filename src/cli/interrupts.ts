import { exitCodes } from "../core/exit-codes.ts";
import type { Session } from "../runner/session.ts";
import type { Io } from "./parts.ts";

/**
 * Ctrl-C once pauses at the next safe point, twice cancels the statement, three times leaves at once; SIGTERM, SIGHUP and a lost
 * terminal pause. Each leaves a run that can be resumed. Gives back what takes the handlers away, and the Ctrl-C of a raw terminal.
 */
export function heedInterrupts(
  session: Pick<Session, "pause" | "cancel">,
  io: Io,
  say: (line: string) => void,
): { readonly interrupt: () => void; readonly stop: () => void } {
  let times = 0;
  const interrupt = () => {
    times += 1;
    if (times === 1) {
      say("Ctrl-C: pausing at the next safe point. Again: cancels the statement. A third time: leaves at once.");
      session.pause("Ctrl-C");
    } else if (times === 2) {
      say("Ctrl-C: cancelling the statement. What became of it is found out on resume.");
      session.cancel();
    } else {
      io.exit(exitCodes.interrupted.code);
    }
  };
  const told = (signal: NodeJS.Signals) => session.pause(signal);
  const lost = () => session.pause("the terminal is gone");
  process.on("SIGINT", interrupt).on("SIGTERM", told).on("SIGHUP", told);
  const streams = [io.stdin, io.stdout, io.stderr];
  for (const stream of streams) stream.on("error", lost);
  const stop = () => {
    process.off("SIGINT", interrupt).off("SIGTERM", told).off("SIGHUP", told);
    // A stream that broke breaks again: its errors stay heeded, so that the end of the run is not their victim.
  };
  return { interrupt, stop };
}
