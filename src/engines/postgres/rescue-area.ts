import type { LeaseKeeper } from "../../core/lease.ts";
import type { RescueArea } from "../rescue-area.ts";
import { addToArea } from "./rescue-area/add.ts";
import { areaName } from "./rescue-area/area.ts";
import { checkArea } from "./rescue-area/check.ts";
import { rescueFolder } from "./rescue-area/file.ts";
import { fillArea } from "./rescue-area/fill.ts";
import { areaKeepers } from "./rescue-area/keepers.ts";
import { areaPart } from "./rescue-area/make.ts";
import { noteRemoved } from "./rescue-area/note-removed.ts";
import { readMoment } from "./rescue-area/reading.ts";
import { sampleArea } from "./rescue-area/sample.ts";
import { takeSafetyCopy } from "./rescue-area/safety-copy.ts";
import type { PostgresTarget } from "./target.ts";

/** A schema of our own beside the user's, and a copy of the same rows in files on this machine. */
export function rescueArea(target: PostgresTarget): RescueArea {
  return {
    name: areaName,
    folder: (run) => rescueFolder(target.request.machine.scratch, run),
    part: (run, tables) => areaPart(target, run, tables),
    fill: (tx, run, table, columns, rows) => fillArea(target, tx, run, table, columns, rows),
    add: (tx, run, table, columns, rows, differing) => addToArea(target, tx, run, { table, columns, rows, differing }),
    noteRemoved: (tx, run, table, keys) => noteRemoved(tx, run, table, keys),
    check: (run, tables, watch, decided) =>
      readMoment(target, watch.signal, (connection) => checkArea(connection, run, tables, decided)),
    sample: (run, table, rows, conflict) =>
      readMoment(target, null, (connection) => sampleArea(connection, run, table, rows, conflict)),
    safetyCopy: (tx, run, table, decided) => takeSafetyCopy(target, tx, run, table, decided),
  };
}

export function rescueAreaKeepers(target: PostgresTarget): Readonly<Record<string, LeaseKeeper>> {
  return areaKeepers(target);
}
