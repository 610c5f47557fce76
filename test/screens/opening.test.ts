import { PassThrough, Writable } from "node:stream";
import { expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { runTui } from "../../src/screens/app.tsx";
import { drawOpening } from "../../src/screens/opening.ts";
import { fakeWorkbench } from "./support/fake-workbench.ts";
import { story } from "./support/story.ts";

interface Ends {
  readonly stdin: NodeJS.ReadStream & { readonly raw: boolean[] };
  readonly stdout: NodeJS.WriteStream;
  readonly left: number[];
  bytes: () => string;
}

function ends(): Ends {
  let out = "";
  const sink = new Writable({ write: (chunk: Buffer, _encoding, done) => ((out += chunk.toString()), done()) });
  const source = Object.assign(new PassThrough(), { isTTY: true, raw: [] as boolean[] });
  const stdin = Object.assign(source, {
    setRawMode: (on: boolean) => (source.raw.push(on), source),
    ref: () => source,
    unref: () => source,
  });
  return {
    stdin: stdin as unknown as Ends["stdin"],
    stdout: Object.assign(sink, { isTTY: true, columns: 100, rows: 30 }) as unknown as NodeJS.WriteStream,
    left: [],
    bytes: () => out,
  };
}

async function opened(io: Ends) {
  const { stdin, stdout, left } = io;
  const exit = (code: number) => void left.push(code);
  return drawOpening({ stdin, stdout, env: {}, clock: systemClock, altScreen: true, exit });
}

const enters = "\u001b[?1049h";
const leaves = "\u001b[?1049l";

test("the header stands before there is a workbench, and the screens draw over it without leaving", async () => {
  const io = ends();
  const opening = await opened(io);
  expect(io.bytes()).toContain("Holdfast");
  const before = io.bytes().length;
  io.stdin.emit("data", Buffer.from("q\r"));
  const workbench = fakeWorkbench(() => story());
  const { stdin, stdout } = io;
  const ended = runTui({ workbench, stdin, stdout, clock: systemClock, env: {}, altScreen: true, opening });
  await expect.poll(() => io.bytes()).toContain("which environment?");
  io.stdin.emit("data", Buffer.from("\u0003"));
  expect((await ended).exit).toBe("ok");
  expect(io.bytes().lastIndexOf(enters)).toBeLessThan(before);
  expect(io.bytes().split(leaves)).toHaveLength(2);
  expect([io.left, io.stdin.raw.at(-1)]).toEqual([[], false]);
});

test("Ctrl-C while the config is read leaves at once, with the terminal as it was", async () => {
  const io = ends();
  await opened(io);
  io.stdin.emit("data", Buffer.from("\u0003"));
  await expect.poll(() => io.left).toEqual([130]);
  expect(io.bytes()).toContain(leaves);
  expect(io.stdin.raw).toEqual([true, false]);
});

test("a terminal that goes away before there is anything to show ends the program", async () => {
  const io = ends();
  await opened(io);
  io.stdin.emit("end");
  await expect.poll(() => io.left).toEqual([130]);
});
