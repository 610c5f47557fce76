import { expect, test } from "vitest";
import type { StepStatus } from "../../src/core/run-state.ts";
import {
  bytes,
  cleanForTerminal,
  count,
  duration,
  environmentBanner,
  eta,
  percent,
  plural,
  rate,
  stepMark,
  wrapWords,
} from "../../src/words/format.ts";

test("numbers are grouped by thousands, whatever the machine's language", () => {
  expect(count(1_123_347)).toBe("1,123,347");
  expect(count(0)).toBe("0");
  expect(plural(1, "row")).toBe("1 row");
  expect(plural(2000, "row")).toBe("2,000 rows");
  expect(plural(0, "batch", "batches")).toBe("0 batches");
});

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1 KB"],
  [8_192, "8.2 KB"],
  [99_940, "100 KB"],
  [999_600, "1 MB"],
  [412_345_678, "412 MB"],
  [3e15, "3 PB"],
])("%d bytes read as %s", (n, text) => {
  expect(bytes(n)).toBe(text);
});

test.each([
  [0, "0:00"],
  [4_999, "0:04"],
  [91_000, "1:31"],
  [3_789_000, "1:03:09"],
  [100 * 3_600_000, "100:00:00"],
  [-5, "0:00"],
])("%d ms last %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test("a rate is said after a second, and in its unit", () => {
  expect(rate(100, 0, 999)).toBe("");
  expect(rate(64_800, 0, 10_000)).toBe("6,480 rows/s");
  expect(rate(50, 0, 10_000, "pages")).toBe("5 pages/s");
  expect(rate(2, 0, 2000, "tables")).toBe("");
});

test("an estimate is made only after 5 s and 3 %, from what this attempt did", () => {
  const at = (done: number, from = 0) => ({ done, total: 1000, since: 0, from });
  expect(eta(at(500), 4_999)).toBeNull();
  expect(eta(at(29), 10_000)).toBeNull();
  expect(eta({ done: 500, since: 0, from: 0 }, 10_000)).toBeNull();
  expect(eta(at(500), 60_000)).toBe("1:00");
  expect(eta(at(600, 500), 60_000)).toBe("4:00");
  expect(eta(at(500, 500), 60_000)).toBeNull();
});

test("a hundred per cent is never said before everything is done", () => {
  expect(percent(999_999, 1_000_000)).toBe("99.9 %");
  expect(percent(1000, 1000)).toBe("100.0 %");
  expect(percent(601, 1000)).toBe("60.1 %");
  expect(percent(5, 0)).toBe("0.0 %");
});

test("text from a server can do nothing to the terminal", () => {
  const hostile = "a\x1b[2Jb\x07c\u202Ed\u200be\r\nf\tg\x9bh\u2028i\ud800";
  const cleaned = cleanForTerminal(hostile);
  expect(cleaned).toBe("a\\x1b[2Jb\\x07c\\u202ed\\u200be f g\\x9bh\\u2028i\uFFFD");
  expect(cleaned).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
});

test("every control and bidi character is spelled out, one by one", () => {
  const codes = [...Array(32).keys(), 127, 0x80, 0x9f, 0x200e, 0x200f, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff];
  for (const code of codes) {
    expect(cleanForTerminal(String.fromCodePoint(code)), `U+${code.toString(16)}`).toMatch(/^(\\[xu][0-9a-f]{2,4}| )$/);
  }
});

test("what is too long is cut with a mark, never beyond the width", () => {
  expect(cleanForTerminal("abcdef", 6)).toBe("abcdef");
  expect(cleanForTerminal("abcdefg", 6)).toBe("abcd..");
  expect(cleanForTerminal("表表表表", 7)).toBe("表表..");
  expect(cleanForTerminal("abc", 1)).toBe(".");
  expect(cleanForTerminal("e\u0301e\u0301e\u0301", 3)).toBe("e\u0301e\u0301e\u0301");
});

const steps: readonly StepStatus[] = [
  "todo",
  "checking",
  "waiting",
  "running",
  "stopped",
  "done",
  "skipped",
  "failed",
  "unknown",
];

test("environments and states differ by shape alone, in ASCII", () => {
  const banners = (["production", "staging", "sandbox"] as const).map(environmentBanner);
  expect(banners).toEqual(["!! PRODUCTION !!", "== staging ==", ".. sandbox .."]);
  const marks = steps.map(stepMark);
  expect(marks.join("")).toMatch(/^[ -~]+$/);
  expect(stepMark("unknown")).toBe("[?]");
  expect(stepMark("failed")).toBe("[!]");
  expect(stepMark("running")).toBe(stepMark("checking"));
  expect(new Set(marks).size).toBe(steps.length - 1);
});

test("a line in a window that is narrower is broken between words, set in, and loses nothing", () => {
  const line = "  what to do: Look whether the server runs   and can be reached.";
  const rows = wrapWords(line, 30);
  expect(rows).toEqual(["  what to do: Look whether the", "    server runs   and can be", "    reached."]);
  expect(wrapWords("short", 30)).toEqual(["short"]);
  expect(wrapWords(`one ${"x".repeat(40)} two`, 30)).toEqual(["one", `  ${"x".repeat(40)}`, "  two"]);
  for (const width of [20, 31, 79]) expect(wrapWords(line, width).join(" ").split(/ +/)).toEqual(line.split(/ +/));
});

test.each([
  "  holdfast resume 019aa3f0-1111-7abc-8def-0000000b9c73 --journal /home/ops/journal.db",
  "  node dist/main.js journal verify --head '1 2 3'",
  "  '/opt/hold fast/holdfast' resume 019aa3f0 --give-up",
  "  by hand: select pg_drop_replication_slot('holdfast_rows_7f3k')",
  "  then, in a shell: rm -r /var/tmp/holdfast/a-folder-of-ours",
  '{"kind":"run.opened","text":"some words"}',
])("a line that is to be pasted stays whole in any window: %s", (whole) => {
  expect(wrapWords(whole, 20)).toEqual([whole]);
  expect(wrapWords("holdfast can look no further than this", 20)).toHaveLength(2);
});
