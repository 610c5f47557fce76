import type { Clock } from "../core/clock.ts";
import type { RunEvent } from "../core/event.ts";
import type { Json } from "../core/json.ts";
import type { Redactor } from "../core/redact.ts";
import type { Ballast } from "./ballast.ts";
import type { Connection } from "./database.ts";

/** Called around what must survive a kill, so that tests can end the process there. A no-op in what we ship. */
export type Reached = (name: string) => void;

/** What the parts of one open journal share. */
export interface Store {
  readonly db: Connection;
  readonly folder: string;
  readonly file: string;
  readonly clock: Clock;
  readonly reached: Reached;
  readonly redactor: Redactor | null;
  readonly ballast: Ballast;
}

/** The kind is ours and stays, even where a secret happens to be the same word. */
export function redacted<E extends RunEvent>(store: Store, event: E): E {
  if (store.redactor === null) return event;
  const safe = store.redactor.json(event as unknown as Json) as unknown as E;
  return { ...safe, kind: event.kind };
}
