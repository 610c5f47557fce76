/** The name that a person may have meant by a mistyped one; null where none is near. */
export function nearestName(written: string, names: readonly string[]): string | null {
  const wanted = written.toLowerCase().slice(0, 60);
  const scored = names.map((name) => ({ name, off: lettersOff(wanted, name.toLowerCase()) }));
  const [best] = scored.toSorted((a, b) => a.off - b.off);
  return best !== undefined && best.off <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : null;
}

/** At most five of the tables' names that are most like what was written: the whole, or the part after the schema. */
export function nearestNames(written: string, names: readonly string[]): readonly string[] {
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

/** Levenshtein: letters to add, drop or change. */
export function lettersOff(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
