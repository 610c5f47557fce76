import { Fault } from "../../../../core/errors.ts";
import { cancelOpen } from "./cancel-open.ts";
import { clone } from "./clone.ts";
import { dump } from "./dump.ts";
import { dirtyread } from "./dirtyread.ts";
import { pageTransplant } from "./page-transplant.ts";
import type { RecoveryPath } from "./path.ts";
import { wal } from "./wal.ts";

/** In the order in which they are offered. */
export const recoveryPaths: readonly RecoveryPath[] = [cancelOpen, pageTransplant, dirtyread, wal, clone, dump];

export function pathNamed(name: string): RecoveryPath {
  const found = recoveryPaths.find((path) => path.name === name);
  if (found) return found;
  throw new Fault("HF-PATH-UNKNOWN", `there is no recovery path ${name}`, {
    exit: "input",
    hint: `Choose one of ${recoveryPaths.map((path) => path.name).join(", ")}.`,
  });
}
