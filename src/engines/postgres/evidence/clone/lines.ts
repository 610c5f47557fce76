import { createReadStream } from "node:fs";

/** Lines of COPY text, many at a time: a line break within a value is escaped, so each ends a row. */
export async function* linesOf(file: string, most: number): AsyncGenerator<readonly string[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
    const bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    const end = bytes.lastIndexOf(10) + 1;
    rest = bytes.subarray(end);
    // Bytes stay what they are: a server's text need not be UTF-8 here.
    const lines = end === 0 ? [] : bytes.toString("latin1", 0, end - 1).split("\n");
    for (let at = 0; at < lines.length; at += most) yield lines.slice(at, at + most);
  }
}

/** The first fields of a line, and what follows on them. */
export function splitLine(line: string, fields: number): { readonly first: readonly string[]; readonly rest: string } {
  const first: string[] = [];
  let from = 0;
  for (let nth = 0; nth < fields; nth += 1) {
    const tab = line.indexOf("\t", from);
    first.push(line.slice(from, tab));
    from = tab + 1;
  }
  return { first, rest: line.slice(from) };
}

const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** A field of a line as the value that it stands for. */
export function fieldValue(field: string): string {
  const text = field.includes("\\") ? field.replaceAll(/\\(.)/gs, (_, sign: string) => escapes[sign] ?? sign) : field;
  return Buffer.from(text, "latin1").toString("utf8");
}
