const durations: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };
const sizes: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

export const durationForm = "a duration: a whole number and ms, s, min or h, for example 2s";
export const sizeForm = "a size: a whole number and B, KB, MB, GB or TB, for example 10GB";

/** `2s` as milliseconds; null when it is none. */
export function readDuration(text: string): number | null {
  return readUnit(text, durations);
}

/** `10GB` as bytes; null when it is none. */
export function readSize(text: string): number | null {
  return readUnit(text, sizes);
}

/** Milliseconds in the largest unit that divides them; `readDuration` reads it back. */
export function writeDuration(ms: number): string {
  return writeUnit(ms, durations);
}

/** Bytes in the largest unit that divides them; `readSize` reads it back. */
export function writeSize(bytes: number): string {
  return writeUnit(bytes, sizes);
}

function writeUnit(value: number, units: Readonly<Record<string, number>>): string {
  const [unit = "", factor = 1] = Object.entries(units).findLast(([, size]) => value % size === 0) ?? [];
  return `${value / factor}${unit}`;
}

function readUnit(text: string, units: Readonly<Record<string, number>>): number | null {
  const [, digits, unit = ""] = /^([0-9]{1,9}) ?([a-zA-Z]+)$/.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  return digits === undefined || factor === undefined ? null : Number(digits) * factor;
}
