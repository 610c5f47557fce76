const polynomial = 0x82f63b78;

/** Eight tables of 256: the nth holds what a byte does that lies n bytes before the end of a group of eight. */
const tables = madeTables();

/** CRC-32C (Castagnoli) of the bytes from `from` to `to`, after those that gave `before`. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length, before = 0): number {
  let crc = ~before;
  let at = from;
  // Eight bytes a turn: a byte a turn reads the log at a third of the speed.
  for (const end = to - 7; at < end; at += 8)
    crc =
      effect(7, crc ^ byte(bytes, at)) ^
      effect(6, (crc >>> 8) ^ byte(bytes, at + 1)) ^
      effect(5, (crc >>> 16) ^ byte(bytes, at + 2)) ^
      effect(4, (crc >>> 24) ^ byte(bytes, at + 3)) ^
      effect(3, byte(bytes, at + 4)) ^
      effect(2, byte(bytes, at + 5)) ^
      effect(1, byte(bytes, at + 6)) ^
      effect(0, byte(bytes, at + 7));
  for (; at < to; at += 1) crc = (crc >>> 8) ^ effect(0, crc ^ byte(bytes, at));
  return ~crc >>> 0;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function effect(table: number, value: number): number {
  return tables[(table << 8) | (value & 0xff)] ?? 0;
}

function madeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let value = 0; value < 256; value += 1) {
    let crc = value;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial;
    made[value] = crc;
  }
  for (let at = 256; at < made.length; at += 1) {
    const before = made[at - 256] ?? 0;
    made[at] = (before >>> 8) ^ (made[before & 0xff] ?? 0);
  }
  return made;
}
