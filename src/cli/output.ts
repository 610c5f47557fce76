import { wrapWords } from "../words/format.ts";
import type { Io } from "./parts.ts";

/** Writes a line, broken between words where a window is narrower; a stream whose reader has gone is not written to, and what that means for a run is decided by who heeds its error. */
export function lineWriter(stream: NodeJS.WriteStream): (line: string) => void {
  return (line) => {
    if (stream.destroyed || !stream.writable) return;
    const rows = stream.isTTY && stream.columns > 0 ? wrapWords(line, stream.columns) : [line];
    stream.write(`${rows.join("\n")}\n`);
  };
}

/** Results go to stdout; under --json only events do, and words go to stderr. */
export function speaker(io: Io, json: boolean | undefined): (line: string) => void {
  return lineWriter(json ? io.stderr : io.stdout);
}
