import type { ConnectRequest, Engine } from "../../engine.ts";
import type { Recovered } from "../../evidence.ts";
import { headStarts } from "../../head-starts.ts";
import { evidence, evidenceKeepers, readiness } from "../evidence.ts";
import { identity } from "../identity.ts";
import { inspect } from "../inspect.ts";
import { targetLock } from "../lock.ts";
import { marker } from "../marker.ts";
import { merge } from "../merge.ts";
import { rescueArea, rescueAreaKeepers } from "../rescue-area.ts";
import { postgresTarget } from "../target.ts";
import { connectFault } from "./connect-fault.ts";

/** Reaches the server once, so that a wrong address or password is told here and not in the middle of a run. */
export async function connectPostgres(request: ConnectRequest): Promise<Engine> {
  const target = postgresTarget(request);
  await target.catalogue().catch((error: unknown) => {
    throw connectFault(error);
  });
  const lock = targetLock(target);
  const ahead = headStarts<Recovered>();
  return {
    capabilities: {
      inspect: inspect(target),
      lock,
      marker: marker(target, lock),
      evidence: evidence(target, ahead),
      rescueArea: rescueArea(target),
      merge: merge(target),
      readiness: readiness(target),
    },
    identity: () => identity(target),
    keepers: { ...evidenceKeepers(target, ahead), ...rescueAreaKeepers(target) },
    close: () => ahead.stop().then(() => target.close()),
  };
}
