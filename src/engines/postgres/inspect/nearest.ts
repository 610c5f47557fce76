/** At most five of the names that are most like what was written: the whole, or the part after the schema. */
export function nearest(written: string, names: readonly string[]): readonly string[] {
  const wanted = written.toLowerCase().slice(0, 130);
  const scored = names.map((name) => ({ name, distance: distanceTo(wanted, name.toLowerCase()) }));
  const near = scored.filter(({ name, distance }) => distance <= Math.max(2, Math.floor(name.length / 3)));
  return near
    .toSorted((a, b) => a.distance - b.distance || a.name.localeCompare(b.name))
    .slice(0, 5)
    .map(({ name }) => name);
}

function distanceTo(wanted: string, name: string): number {
  const bare = (text: string) => text.slice(text.lastIndexOf(".") + 1);
  return Math.min(editDistance(wanted, name), editDistance(bare(wanted), bare(name)) + (wanted.includes(".") ? 1 : 0));
}

/** Levenshtein: letters to add, drop or change. */
export function editDistance(a: string, b: string): number {
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
