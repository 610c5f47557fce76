/**
 * COPY's binary format: a header of 19 bytes, then rows of fields that each say their length (-1 = null), then a row of -1 fields. The
 * fields of a row are told by place and length, since there are millions: the bytes are the stream's own, to be copied where kept.
 */
export interface BinaryRow {
  readonly bytes: Buffer;
  /** By field; -1 = null. Filled anew for each row. */
  readonly at: Int32Array;
  readonly length: Int32Array;
}

const headerBytes = 19;

export async function eachBinaryRow(
  chunks: AsyncIterable<Buffer>,
  fields: number,
  visit: (row: BinaryRow) => void,
): Promise<void> {
  const [at, length] = [new Int32Array(fields), new Int32Array(fields)];
  let rest: Buffer = Buffer.alloc(0);
  let began = false;
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let used = began ? 0 : headerBytes;
    if (bytes.length >= used) {
      began = true;
      for (let end = rowEnd(bytes, used, at, length); end > 0; end = rowEnd(bytes, used, at, length)) {
        visit({ bytes, at, length });
        used = end;
      }
    } else used = 0;
    rest = bytes.subarray(used);
  }
}

/** Where the row ends that begins there; 0 where it is not whole, or the last was. */
function rowEnd(bytes: Buffer, from: number, at: Int32Array, lengths: Int32Array): number {
  if (from + 2 > bytes.length) return 0;
  const count = bytes.readInt16BE(from);
  if (count < 0) return 0;
  let next = from + 2;
  for (let nth = 0; nth < count; nth += 1) {
    if (next + 4 > bytes.length) return 0;
    const length = bytes.readInt32BE(next);
    next += 4;
    lengths[nth] = length;
    at[nth] = length < 0 ? -1 : next;
    next += Math.max(0, length);
  }
  return next > bytes.length ? 0 : next;
}
