import type { Change, ReadyPath } from "../../../../core/readiness.ts";
import { change, type Closed } from "../closed.ts";

/**
 * A path with all that closes it, and all that it takes to open it: one reason alone would send somebody through a change after which the
 * next one stands there. `first` are told before the path's own reason, in the order in which a run meets them.
 */
export function withReasons(path: ReadyPath, first: readonly Closed[], last: readonly Closed[]): ReadyPath {
  if (first.length + last.length === 0) return path;
  const own = path.open
    ? []
    : [{ why: path.why, opensWith: path.opensWith ?? "", statements: [], changes: path.changes }];
  const all = [...first.map(reason), ...own, ...last.map(reason)];
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
    changes: together(takes),
  };
}

interface Reason {
  readonly why: string;
  readonly opensWith: string;
  readonly statements: readonly string[];
  readonly changes: readonly Change[];
}

/** What is nothing but statements stands among the changes, and not in the words a second time. */
function reason({ why, opensWith, statements = [], change: known }: Closed): Reason {
  const changes = known ? [known] : [];
  return { why, opensWith: statements.length > 0 ? "" : opensWith, statements, changes };
}

/** Those that are not opened by what opens the ones before. */
function adding(reasons: readonly Reason[]): readonly Reason[] {
  const known = new Set<string>();
  return reasons.filter(({ opensWith, statements, changes }) => {
    const openers = [opensWith, ...statements, ...changes.map(({ text }) => text)].filter((one) => one !== "");
    const isNew = openers.length === 0 || openers.some((opener) => !known.has(opener));
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
function together(reasons: readonly Reason[]): readonly Change[] {
  const statements = [...new Set(reasons.flatMap((one) => one.statements))];
  const all = [
    ...(statements.length > 0 ? [change("sql", statements.join(" "))] : []),
    ...reasons.flatMap(({ changes }) => changes),
  ];
  return all.reduce<readonly Change[]>((found, one) => joinedTo(found, one), []);
}

function joinedTo(found: readonly Change[], one: Change): readonly Change[] {
  if (found.some(({ kind, text }) => kind === one.kind && text === one.text)) return found;
  const like = found.findIndex(
    ({ kind, restart, fromNowOn }) =>
      kind === "sql" && one.kind === "sql" && restart === one.restart && fromNowOn === one.fromNowOn,
  );
  return like < 0
    ? [...found, one]
    : found.map((other, nth) => (nth === like ? { ...other, text: `${other.text} ${one.text}` } : other));
}
