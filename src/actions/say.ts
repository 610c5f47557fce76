/** Numbers as every face shows them; actions may not reach into the words of the faces. */
export function count(n: number): string {
  return Math.round(n).toLocaleString("en-US");
}

/** `1 row`, `981,241 rows` */
export function some(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** `8.2 KB`, `412 MB`: powers of 1,000; a digit after the point only below 10. */
export function size(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let [value, power] = [bytes, 0];
  while (value >= 999.5 && power < units.length - 1) [value, power] = [value / 1000, power + 1];
  return `${value.toLocaleString("en-US", { maximumFractionDigits: value < 9.95 && power > 0 ? 1 : 0 })} ${units[power]}`;
}

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** `about 2:05` for milliseconds. */
export function about(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  return seconds >= 3600
    ? `about ${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
    : `about ${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
}

/** In words, where a path counts only what is sure and finds the rest when it reads. */
export function restLater(more: number): readonly string[] {
  return more > 0 ? [`up to ${some(more, "row")} more: which of them it took is told when the clone stands`] : [];
}

interface Rows {
  readonly rows: number;
  /** Where it is no exact number. */
  readonly most?: number | undefined;
}

/** `981,241`, `246 to 1,000`, `up to 50` */
function between({ rows, most = rows }: Rows): string {
  if (most <= rows) return count(rows);
  return rows === 0 ? `up to ${count(most)}` : `${count(rows)} to ${count(most)}`;
}

/** `246 to 1,000 rows` */
export function rowsBetween(one: Rows): string {
  return `${between(one)} ${(one.most ?? one.rows) === 1 ? "row" : "rows"}`;
}

/** `public.orders 981,241, public.lines 12` */
export function perTable(tables: readonly (Rows & { readonly table: string })[]): string {
  return tables.map((one) => `${one.table} ${between(one)}`).join(", ");
}
