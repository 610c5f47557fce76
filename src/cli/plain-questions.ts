import { createInterface } from "node:readline/promises";
import {
  type Answer,
  type ChoiceQuestion,
  type ConfirmQuestion,
  type FailureQuestion,
  type Question,
  readingMs,
} from "../core/question.ts";
import { cleanForTerminal, duration } from "../words/format.ts";
import { previewWords } from "../words/step-words.ts";

/** A line that a person wrote. `pasted`: it came in one piece, as no hand writes it. */
export interface Line {
  readonly text: string;
  readonly pasted: boolean;
}

/** Asks for one line; null when the signal ended it or the input is over. */
export type AskLine = (prompt: string, signal: AbortSignal) => Promise<Line | null>;

/** What has to be read before a question can be answered, one thing a line. */
export function questionLines(question: Question, now: number): readonly string[] {
  return [
    question.asks,
    ...question.facts.map(({ label, text }) => `  ${label}: ${text}`),
    ...ownLines(question, now),
  ].map((line) => cleanForTerminal(line));
}

/** Lines with sample rows, for who asked to see values; what can't be read says why. */
export type Shows = () => Promise<readonly string[]>;

export const showWord = "show";

/** Asks until there is an answer; null when nobody can give one any more. */
export async function answerTo(
  question: Question,
  ask: AskLine,
  say: (line: string) => void,
  signal: AbortSignal,
  shows: Shows | null = null,
): Promise<Answer | null> {
  const canShow = shows !== null && !isAnAnswer(question, showWord);
  while (true) {
    const line = await ask(promptFor(question, canShow), signal);
    if (line === null) return null;
    if (canShow && line.text.trim() === showWord) {
      for (const text of await shows()) say(text);
      continue;
    }
    const answer = read(question, line);
    if (typeof answer !== "string") return answer;
    say(answer);
  }
}

function ownLines(question: Question, now: number): readonly string[] {
  switch (question.kind) {
    case "confirm":
      return confirmLines(question, now);
    case "choice":
      return question.choices.flatMap((choice, index) => [
        numbered(
          index,
          `${choice.label}${tags(choice.tags.filter((tag) => tag !== "default" && /^[a-z]/.test(tag)))}`,
          choice.disabled,
        ),
        ...choice.details.map((detail) => `       ${detail}`),
      ]);
    case "failure":
      return [
        ...question.known.map((text) => `  known: ${text}`),
        ...question.unknown.map((text) => `  UNKNOWN: ${text}`),
        ...question.options.map((option, index) =>
          numbered(index, `${option.label}${option.recommended ? " [recommended]" : ""}`, option.disabled),
        ),
      ];
  }
}

function confirmLines(question: ConfirmQuestion, now: number): readonly string[] {
  return [
    ...question.previews.flatMap(({ preview }) => [
      `  will: ${previewWords(preview)}`,
      ...preview.lines.map((line) => `        ${line}`),
      ...(preview.undo === undefined ? [] : [`  undo: ${preview.undo}`]),
      ...(preview.incomplete === undefined ? [] : [`  NOT LOOKED AT: ${preview.incomplete}`]),
    ]),
    `  lapses in ${duration(question.lapsesAt - now)}`,
  ];
}

function numbered(index: number, label: string, disabled: string | undefined): string {
  return `  ${String(index + 1).padStart(2)}  ${label}${disabled === undefined ? "" : `  -- not possible: ${disabled}`}`;
}

function tags(words: readonly string[]): string {
  return words.length === 0 ? "" : ` [${words.join(", ")}]`;
}

function promptFor(question: Question, canShow: boolean): string {
  const show = canShow ? `${showWord} shows sample rows, ` : "";
  if (question.kind !== "confirm") return `number (${show}q leaves): `;
  if (question.way.kind === "go") return `g and Enter to go (${show}q leaves, nothing happens): `;
  return `type ${question.way.phrase} by hand, then Enter (${show}q leaves, nothing happens): `;
}

/** A database may be called so, or a choice: then the word answers the question. */
function isAnAnswer(question: Question, word: string): boolean {
  if (question.kind === "confirm") return question.way.kind === "type" && question.way.phrase === word;
  return question.kind === "choice" && question.choices.some(({ value }) => value === word);
}

/** An answer, or why the line is none. Enter alone never is. */
function read(question: Question, line: Line): Answer | string {
  const text = line.text.trim();
  if (text === "q") return { kind: "decline" };
  switch (question.kind) {
    case "confirm":
      return readConfirm(question, line);
    case "choice":
      return readChoice(question, text);
    case "failure":
      return readFailure(question, text);
  }
}

function readConfirm(question: ConfirmQuestion, { text, pasted }: Line): Answer | string {
  if (question.way.kind === "type") {
    if (text === "") return "Enter alone confirms nothing.";
    return pasted ? "That came in one piece: type it by hand." : { kind: "typed", text, pasted };
  }
  return text.trim() === "g" ? { kind: "go" } : "Nothing was begun: g goes, q leaves.";
}

function readChoice(question: ChoiceQuestion, text: string): Answer | string {
  const choice = question.choices[indexOf(text)] ?? question.choices.find((one) => one.value === text);
  if (choice === undefined) return `That is none of 1 to ${question.choices.length}.`;
  if (choice.irreversible !== undefined && text !== choice.value)
    return `${choice.irreversible}. Write ${choice.value} to choose it all the same.`;
  if (choice.disabled === undefined || question.looksAnew) return { kind: "choose", value: choice.value };
  return `Not possible: ${choice.disabled}`;
}

function readFailure(question: FailureQuestion, text: string): Answer | string {
  const option = question.options[indexOf(text)];
  if (option === undefined) return `That is none of 1 to ${question.options.length}.`;
  return option.disabled === undefined ? { kind: "act", act: option.act } : `Not possible: ${option.disabled}`;
}

function indexOf(text: string): number {
  return /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) - 1 : -1;
}

/**
 * Lines from a terminal, edited by readline. What was typed before the question stood there is thrown away, so that a held Enter or
 * keys meant for something else can't answer it.
 */
export function terminalLines(
  stdin: NodeJS.ReadStream,
  stdout: NodeJS.WriteStream,
  onInterrupt: () => void,
  sleep: (ms: number, signal: AbortSignal) => Promise<void>,
): AskLine {
  return async (prompt, signal) => {
    const ignore = () => undefined;
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.on("data", ignore).resume();
    await sleep(readingMs, signal);
    stdin.off("data", ignore);
    return readLine(stdin, stdout, prompt, signal, onInterrupt);
  };
}

async function readLine(
  stdin: NodeJS.ReadStream,
  stdout: NodeJS.WriteStream,
  prompt: string,
  signal: AbortSignal,
  onInterrupt: () => void,
): Promise<Line | null> {
  const pieces: string[] = [];
  const note = (piece: Buffer) => pieces.push(piece.toString());
  stdin.on("data", note);
  const reader = createInterface({ input: stdin, output: stdout, terminal: true, history: [], historySize: 0 });
  reader.on("SIGINT", onInterrupt);
  const over = new AbortController();
  reader.once("close", () => over.abort());
  try {
    const text = await reader.question(prompt, { signal: AbortSignal.any([signal, over.signal]) });
    const pasted = text.length > 1 && pieces.some((piece) => piece.includes(text));
    return { text, pasted };
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") return null;
    throw error;
  } finally {
    stdin.off("data", note);
    reader.close();
    stdin.pause();
  }
}
