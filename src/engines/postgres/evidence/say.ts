import type { Finding } from "../../../core/step.ts";

/** `1,204`: numbers in the words of this engine. */
export function number(n: number): string {
  return Math.round(n).toLocaleString("en-US");
}

/** `1 row`, `2 rows`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${number(n)} ${n === 1 ? one : many}`;
}

/** `8.2 KB`, `412 MB`: powers of 1,000. */
export function size(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let [value, power] = [bytes, 0];
  while (value >= 999.5 && power < units.length - 1) [value, power] = [value / 1000, power + 1];
  return `${value.toLocaleString("en-US", { maximumFractionDigits: value < 9.95 && power > 0 ? 1 : 0 })} ${units[power]}`;
}

export function seconds(ms: number): string {
  return `${Math.max(0.1, ms / 1000).toFixed(1)} s`;
}

export function finding(level: Finding["level"], text: string, hint?: string): Finding {
  return hint === undefined ? { level, text } : { level, text, hint };
}
