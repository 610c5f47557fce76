import type { MergeTable } from "../../merge.ts";
import type { AreaTable } from "../rescue-area/area.ts";

/** Ordinals after `after` up to `upTo`. */
export interface Range {
  readonly after: number;
  readonly upTo: number;
}

/** When rows were stored it was proved that their ordinals are 1, 2, 3, … up to how many there are. */
export function nextRange({ filled }: AreaTable, request: MergeTable, after: number, size: number) {
  const end = Math.min(request.upTo ?? Number.MAX_SAFE_INTEGER, filled?.rows ?? 0);
  const upTo = Math.max(after, Math.min(after + size, end));
  return { after, upTo, rows: upTo - after, last: upTo >= end };
}
