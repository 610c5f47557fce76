import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { lineWriter } from "../../src/cli/output.ts";

const line = "590,000 rows are committed, and stay whatever becomes of the run";

function written(more: object): string {
  const stream = Object.assign(new PassThrough(), more) as unknown as NodeJS.WriteStream & PassThrough;
  lineWriter(stream)(line);
  return stream.read().toString();
}

test("at a terminal no word of a line is broken at the window's edge", () => {
  expect(written({ isTTY: true, columns: 24 })).toBe(
    "590,000 rows are\n  committed, and stay\n  whatever becomes of\n  the run\n",
  );
});

test("into a pipe or a file a line stays a line, for programs that read it", () => {
  expect(written({})).toBe(`${line}\n`);
  expect(written({ isTTY: true, columns: 0 })).toBe(`${line}\n`);
});
