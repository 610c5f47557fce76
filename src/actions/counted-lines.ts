import { pipeline, Transform } from "node:stream";
import type { Clock } from "../core/clock.ts";

const tellEveryMs = 250;
const lineEnd = 0x0a;

/** The same bytes, and now and then how many lines went by: in COPY's text format a line is a row. */
export function countedLines(
  rows: NodeJS.ReadableStream,
  clock: Clock,
  tell: (lines: number) => void,
): NodeJS.ReadableStream {
  let lines = 0;
  let toldAt = clock.monotonic();
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      lines += linesIn(chunk);
      const now = clock.monotonic();
      if (now - toldAt >= tellEveryMs) {
        toldAt = now;
        tell(lines);
      }
      done(null, chunk);
    },
  });
  // An error at either end ends the other; who reads the result sees it.
  pipeline(rows, counter, () => undefined);
  return counter;
}

function linesIn(chunk: Buffer): number {
  let found = 0;
  for (let at = chunk.indexOf(lineEnd); at >= 0; at = chunk.indexOf(lineEnd, at + 1)) found += 1;
  return found;
}
