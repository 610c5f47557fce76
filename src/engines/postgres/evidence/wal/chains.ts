/** How a chain of versions ends that the statement went through. */
export type ChainEnd = "deleted" | "updated" | "moved" | "own" | "unknown";

/** A version of somebody else's that the statement replaced by one of its own. */
export interface Head {
  readonly at: number;
  /** Whoever of the statement did it, 32 bits. */
  readonly xid: number;
  /** The tuple's place among those kept for the scratch server; null where its bytes are not known. */
  readonly kept: number | null;
  /** It is not known who made it: the statement itself may have, before the log begins. */
  readonly strange?: true;
}

type Step = { readonly nth: number } & (
  | { readonly kind: "head"; readonly head: Head; readonly to: number }
  | { readonly kind: "link"; readonly at: number; readonly xid: number; readonly to: number | "itself" | "moved" }
);

/**
 * Follows rows through the versions that the statement made, in the order of the log, whichever pages they went over. Memory grows
 * with what the statement updated and made, not with what it deleted.
 */
export interface Chains {
  /** A version of somebody else's was replaced by one of the statement's at `to`. */
  head(nth: number, head: Head, to: number): void;
  /** A version that the statement had made was ended by it. */
  link(nth: number, at: number, xid: number, to: number | "itself" | "moved"): void;
  /** `to`: of a row that was updated, the place of the version in which its chain ends. */
  settle(told: Told): void;
}

type Told = (
  end: ChainEnd,
  head: Head | null,
  last: { readonly at: number; readonly xid: number } | null,
  to?: number,
) => void;

/** `whole`: the log holds the statement from its beginning, so that a version of its own that nothing led to was inserted by it. */
export function chains(whole: boolean): Chains {
  const steps: Step[] = [];
  return {
    head: (nth, head, to) => steps.push({ nth, kind: "head", head, to }),
    link: (nth, at, xid, to) => steps.push({ nth, kind: "link", at, xid, to }),
    settle: (told) => {
      const open = new Map<number, Head | null>();
      const go = (head: Head | null, to: number) => {
        const before = open.get(to); // its place was given away since: it lived on after the statement
        if (before) told("updated", before, null, to);
        open.set(to, head);
      };
      for (const step of steps.toSorted((a, b) => a.nth - b.nth)) {
        if (step.kind === "head") {
          go(step.head, step.to);
          continue;
        }
        const { at, xid, to } = step;
        const head = open.get(at) ?? null;
        const known = open.delete(at);
        if (typeof to === "number") go(head, to);
        else if (head !== null) told(to === "itself" ? "deleted" : "moved", head, { at, xid });
        else if (to === "itself") told(known || whole ? "own" : "unknown", null, { at, xid });
      }
      for (const [to, head] of open) if (head) told("updated", head, null, to);
    },
  };
}
