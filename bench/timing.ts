/** One measured thing, as it is printed: the value, what it is compared with in the same run, and the bar. */
export interface Figure {
  readonly id: string;
  readonly what: string;
  readonly value: string;
  readonly peer: string;
  readonly ratio: number | null;
  readonly bar: string;
  readonly met: boolean;
}

export async function timed<T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly result: T }> {
  const began = performance.now();
  const result = await work();
  return { ms: performance.now() - began, result };
}

export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

/** A ratio that must not be over `most`. */
export function atMost(
  id: string,
  what: string,
  ours: number,
  peer: number,
  most: number,
  unit: string,
  peerName: string,
): Figure {
  const ratio = ours / peer;
  return {
    id,
    what,
    value: `${round(ours)} ${unit}`,
    peer: `${peerName}: ${round(peer)} ${unit}`,
    ratio,
    bar: `<= ${Number(most.toFixed(2))} x`,
    met: ratio <= most,
  };
}

export function absolute(id: string, what: string, ours: number, most: number, unit: string): Figure {
  return {
    id,
    what,
    value: `${round(ours)} ${unit}`,
    peer: "",
    ratio: null,
    bar: `<= ${most} ${unit}`,
    met: ours <= most,
  };
}

export function round(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}

export function printFigures(figures: readonly Figure[]): void {
  const rows = figures.map((one) => [
    one.id,
    one.what,
    one.value,
    one.peer,
    one.ratio === null ? "" : `${one.ratio.toFixed(2)} x`,
    one.bar,
    one.bar === "" ? "" : one.met ? "met" : "MISSED",
  ]);
  const heads = ["id", "what", "ours", "peer, same run", "ratio", "bar", ""];
  for (const row of [heads, heads.map((head) => "-".repeat(head.length || 3)), ...rows])
    process.stdout.write(`| ${row.join(" | ")} |\n`);
}
