import type { ConnectRequest, Engine } from "../engine.ts";
import { identity } from "./identity.ts";
import { inspect } from "./inspect.ts";
import { targetLock } from "./lock.ts";
import { marker } from "./marker.ts";
import { mysqlTarget } from "./target.ts";

/** Reaches the server once, so that a wrong address or password is told here and not in the middle of a run. */
export async function connectMysql(request: ConnectRequest): Promise<Engine> {
  const target = mysqlTarget(request);
  await target.catalogue();
  const lock = targetLock(target);
  return {
    capabilities: { inspect: inspect(target), lock, marker: marker(target, lock) },
    identity: () => identity(target),
    keepers: {},
    // The server lets go of the lock with its session, where that can't be asked for any more.
    close: () =>
      lock
        .release()
        .catch(() => undefined)
        .then(() => target.close()),
  };
}
