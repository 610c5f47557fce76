import type { Lived } from "./drive.ts";
import type { Trial } from "./trial.ts";

/** What befell the processes of all trials, row by row: how often it struck, and in how many of those an invariant broke. */
export function matrixLines(trials: readonly Trial[]): readonly string[] {
  const rows = new Map<string, { struck: number; missed: number; wrong: number }>();
  for (const { processes, violations } of trials) {
    for (const { fault, struck, where } of processes) {
      if (fault === null) continue;
      const name = struck && where !== null ? `${fault.kind} ${where}` : fault.kind;
      const row = rows.get(name) ?? { struck: 0, missed: 0, wrong: 0 };
      rows.set(name, row);
      if (struck) row.struck += 1;
      else row.missed += 1;
      if (struck && violations.length > 0) row.wrong += 1;
    }
  }
  const width = Math.max(...[...rows.keys()].map((name) => name.length), 5);
  const line = (name: string, cells: readonly (string | number)[]) =>
    `${name.padEnd(width)}${cells.map((cell) => String(cell).padStart(12)).join("")}`;
  return [
    line("fault", ["struck", "not reached", "violations"]),
    ...[...rows]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([name, { struck, missed, wrong }]) => line(name, [struck, missed, wrong])),
  ];
}

export function totalLine(trials: readonly Trial[], seconds: number): string {
  const processes = trials.flatMap((one) => one.processes);
  const count = (meant: (one: Lived) => boolean) => processes.filter(meant).length.toLocaleString("en-US");
  const bad = trials.filter(({ violations }) => violations.length > 0).length;
  const settled = trials.reduce((sum, one) => sum + one.settled, 0).toLocaleString("en-US");
  return [
    `${trials.length.toLocaleString("en-US")} trials`,
    `${count(() => true)} processes`,
    `${count(({ struck }) => struck)} faults that struck`,
    `${count(({ signal }) => signal === "SIGKILL")} of them SIGKILL`,
    `${settled} open intents settled`,
    `${bad} trials with violations`,
    `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")}`,
  ].join(", ");
}
