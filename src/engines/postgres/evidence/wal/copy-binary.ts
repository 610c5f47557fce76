/** COPY's binary format: a header of 19 bytes, then rows of fields that each say their length (-1 = null), then a row of -1 fields. */

const headerBytes = 19;

/** The fields' bytes lie in the stream's own buffers: copy what is kept. */
export async function* binaryRows(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly (Buffer | null)[][]> {
  let rest: Buffer = Buffer.alloc(0);
  let began = false;
  for await (const chunk of chunks) {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!began && bytes.length < headerBytes) {
      rest = bytes;
      continue;
    }
    if (!began) [bytes, began] = [bytes.subarray(headerBytes), true];
    const { rows, used } = wholeRows(bytes);
    rest = bytes.subarray(used);
    if (rows.length > 0) yield rows;
  }
}

function wholeRows(bytes: Buffer): { readonly rows: (Buffer | null)[][]; readonly used: number } {
  const rows: (Buffer | null)[][] = [];
  let used = 0;
  for (;;) {
    const row = wholeRow(bytes, used);
    if (row === null) return { rows, used };
    rows.push(row.fields);
    used = row.end;
  }
}

function wholeRow(bytes: Buffer, from: number): { readonly fields: (Buffer | null)[]; readonly end: number } | null {
  if (from + 2 > bytes.length) return null;
  const count = bytes.readInt16BE(from);
  if (count < 0) return null; // the end
  const fields: (Buffer | null)[] = [];
  let at = from + 2;
  for (let nth = 0; nth < count; nth += 1) {
    if (at + 4 > bytes.length) return null;
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0) {
      fields.push(null);
      continue;
    }
    if (at + length > bytes.length) return null;
    fields.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { fields, end: at };
}
