import { Transform } from "node:stream";
import { pageSize, place, placeText } from "../pages/layout.ts";

/** By the place of a former version in the scratch server's file, that of the version which replaced it in the table's own. */
export type ReplacedPlaces = ReadonlyMap<number, number>;

/** The place that a line pointer's position in a file stands for. */
export function placeOfPointer(at: number): number {
  const inPage = at % pageSize;
  return place((at - inPage) / pageSize, (inPage - 24) / 4 + 1);
}

/** Lines of COPY text that begin with a place of the scratch server's file: the same with the place of what replaced the row. */
export function withReplaced(places: ReplacedPlaces): Transform {
  let rest: Buffer = Buffer.alloc(0);
  const translated = (bytes: Buffer): Buffer => {
    // Bytes stay what they are: a server's text need not be UTF-8 here.
    const lines = bytes.toString("latin1").split("\n").slice(0, -1);
    return Buffer.from(lines.map((line) => `${translatedLine(line, places)}\n`).join(""), "latin1");
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const end = bytes.lastIndexOf(10) + 1;
      rest = bytes.subarray(end);
      if (end > 0) this.push(translated(bytes.subarray(0, end)));
      done();
    },
    flush(done) {
      done(rest.length === 0 ? null : new Error("a line of the scratch server's copy has no end"));
    },
  });
}

function translatedLine(line: string, places: ReplacedPlaces): string {
  const tab = line.indexOf("\t");
  const first = tab < 0 ? line : line.slice(0, tab);
  const [block = Number.NaN, offset = Number.NaN] = first.slice(1, -1).split(",").map(Number);
  const now = places.get(place(block, offset));
  if (now === undefined) throw new Error("the scratch server gave a row that was not put there");
  return placeText(now) + (tab < 0 ? "" : line.slice(tab));
}
