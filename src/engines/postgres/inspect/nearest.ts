import { lettersOff } from "../../../core/nearest-name.ts";

/** At most five of the names that are most like what was written: the whole, or the part after the schema. */
export function nearest(written: string, names: readonly string[]): readonly string[] {
  const wanted = written.toLowerCase().slice(0, 130);
  const scored = names.map((name) => ({ name, off: offFrom(wanted, name.toLowerCase()) }));
  const near = scored.filter(({ name, off }) => off <= Math.max(2, Math.floor(name.length / 3)));
  return near
    .toSorted((a, b) => a.off - b.off || a.name.localeCompare(b.name))
    .slice(0, 5)
    .map(({ name }) => name);
}

function offFrom(wanted: string, name: string): number {
  const bare = (text: string) => text.slice(text.lastIndexOf(".") + 1);
  return Math.min(lettersOff(wanted, name), lettersOff(bare(wanted), bare(name)) + (wanted.includes(".") ? 1 : 0));
}
