import type { LeaseDraft, LeaseKeeper } from "../../core/lease.ts";
import type { Json } from "../../core/json.ts";
import type { HoldPart } from "../engine.ts";
import type { HeadStarts } from "../head-starts.ts";
import type { Connection } from "./connection.ts";
import type { Hold } from "./state.ts";

type HoldDraft = Pick<LeaseDraft, "kind" | "name" | "words"> & Partial<LeaseDraft> & { readonly xmin?: number };

/** Something that the server keeps under a name until it is given back. Taking it twice is taking it once. */
export function holdPart({ server, assertAlive }: Connection, { xmin, ...draft }: HoldDraft): HoldPart {
  const { kind, name } = draft;
  const facts: Json = xmin === undefined ? {} : { xmin };
  return {
    lease: { where: "main", byHand: `release ${kind} ${name}`, keepable: false, facts, ...draft },
    take: async () => {
      assertAlive();
      const hold: Hold = { kind, name, xmin: xmin ?? null, facts };
      return server.change((state) => (state.holds[`${kind} ${name}`] ??= hold).facts);
    },
  };
}

export function holdKeeper({ server, assertAlive }: Connection): LeaseKeeper {
  return {
    find: async ({ kind, name }) => {
      assertAlive();
      return server.read((state) => (`${kind} ${name}` in state.holds ? "present" : "absent"));
    },
    release: async ({ kind, name }) => {
      assertAlive();
      server.change((state) => void delete state.holds[`${kind} ${name}`]);
    },
  };
}

/** Nothing may build on what is being given back. */
export function cloneKeeper(holds: LeaseKeeper, ahead: Pick<HeadStarts<unknown>, "stop">): LeaseKeeper {
  return { ...holds, release: (lease) => ahead.stop().then(() => holds.release(lease)) };
}

export function areaKeeper({ server, assertAlive }: Connection): LeaseKeeper {
  return {
    find: async ({ name }) => {
      assertAlive();
      return server.read((state) => (name in state.areas ? "present" : "absent"));
    },
    release: async ({ name }) => {
      assertAlive();
      server.change((state) => void delete state.areas[name]);
    },
  };
}
