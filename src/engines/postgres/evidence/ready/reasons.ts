import type { Change, ReadyPath } from "../../../../core/readiness.ts";
import { change, type Closed } from "../closed.ts";

/**
 * A path with all that closes it, and all that it takes to open it: one reason alone would send somebody through a change after which the
 * next one stands there. `first` are told before the path's own reason, in the order in which a run meets them.
 */
export function withReasons(path: ReadyPath, first: readonly Closed[], last: readonly Closed[]): ReadyPath {
  const told = [...first, ...last].map(typed);
  if (told.length === 0) return path;
  const own = path.open ? [] : [{ why: path.why, opensWith: path.opensWith ?? "", changes: path.changes }];
  const all = [...told.slice(0, first.length), ...own, ...told.slice(first.length)];
  const takes = elsewhere(all) ?? all;
  const whys = [...new Set([...all.slice(0, 1), ...adding(takes)].map(({ why }) => why))];
  return {
    ...path,
    open: false,
    why: whys.filter((why) => why !== "").join(" "),
    holds: null,
    takesMs: null,
    loses: "",
    opensWith: [...new Set(takes.map(({ opensWith }) => opensWith).filter((words) => words !== ""))].join(" Also: "),
    changes: together(takes.flatMap(({ changes }) => changes)),
  };
}

interface Reason {
  readonly why: string;
  readonly opensWith: string;
  readonly changes: readonly Change[];
}

/** Statements stand in a hint as they are typed; those that end it are the ones that may stand alone. */
const statements = /(?:(?:ALTER|GRANT|CREATE|SELECT) [^;]*; ?)+$/;

/** What is nothing but statements stands among the changes, and not in the words a second time. */
export function typed({ why, opensWith, change: known }: Closed): Reason {
  const text = known?.text ?? statements.exec(opensWith)?.[0];
  if (text === undefined) return { why, opensWith, changes: [] };
  const words = opensWith.replace(/^The DBA may run: /, "") === text ? "" : opensWith;
  return { why, opensWith: words, changes: [known ?? change("sql", text)] };
}

/** Those that are not opened by what opens the ones before. */
function adding(reasons: readonly Reason[]): readonly Reason[] {
  const known = new Set<string>();
  return reasons.filter((reason) => {
    const typedOnes = reason.changes.flatMap(({ text }) => statementsOf(text));
    const openers = reason.opensWith === "" && typedOnes.length > 0 ? typedOnes : [reason.opensWith, ...typedOnes];
    const isNew = openers.some((opener) => !known.has(opener)) || openers.every((opener) => opener === "");
    for (const opener of openers) known.add(opener);
    return isNew;
  });
}

/** Through another connection nothing holds of what is said of this one. */
function elsewhere(reasons: readonly Reason[]): readonly Reason[] | null {
  const found = reasons.find(({ changes }) =>
    changes.some(({ kind, text }) => kind === "config" && text.startsWith("url:")),
  );
  return found ? [found] : null;
}

/** Each once, and all SQL that counts at the same time as one text. */
function together(changes: readonly Change[]): readonly Change[] {
  const found: Change[] = [];
  for (const one of changes) {
    const like = found.findIndex(
      ({ kind, restart, fromNowOn }) => kind === one.kind && restart === one.restart && fromNowOn === one.fromNowOn,
    );
    const before = found[like];
    if (before === undefined) found.push(one);
    else if (one.kind === "sql") found[like] = { ...before, text: joined(before.text, one.text) };
    else if (before.text !== one.text) found.push(one);
  }
  return found;
}

function joined(...texts: readonly string[]): string {
  return [...new Set(texts.flatMap(statementsOf))].join(" ");
}

function statementsOf(text: string): readonly string[] {
  return text.trim().split(/(?<=;) (?=(?:ALTER|GRANT|CREATE|SELECT) )/);
}
