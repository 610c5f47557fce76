import { StringDecoder } from "node:string_decoder";
import { decode, decodeRest, isUnfinishedPaste, type Key } from "./decode.ts";

const pasteWaitMs = 2000;

export interface KeyPump {
  /** Bytes as the terminal sent them. */
  feed(bytes: Uint8Array | string): void;
  /** Throws away what was typed but not handed out: a question must not be answered by keys from before it. */
  readonly drain: () => void;
  stop(): void;
}

/**
 * Hands keys out one per macrotask, in order, so that each sees the state which the one before it made. A lone ESC is held for
 * `escapeWaitMs`, because the network may tear an arrow key in two.
 */
export function keyPump(onKey: (key: Key) => void, escapeWaitMs: number): KeyPump {
  const decoder = new StringDecoder("utf8");
  const queue: Key[] = [];
  let rest = "";
  let turn: NodeJS.Immediate | undefined;
  let wait: NodeJS.Timeout | undefined;

  const handOut = () => {
    turn = undefined;
    const key = queue.shift();
    if (queue.length > 0) turn = setImmediate(handOut);
    if (key !== undefined) onKey(key);
  };
  const enqueue = (keys: readonly Key[]) => {
    queue.push(...keys);
    if (queue.length > 0) turn ??= setImmediate(handOut);
  };
  const giveUpWaiting = () => {
    const keys = decodeRest(rest);
    rest = "";
    enqueue(keys);
  };

  return {
    feed(bytes) {
      clearTimeout(wait);
      const decoded = decode(rest + (typeof bytes === "string" ? bytes : decoder.write(Buffer.from(bytes))));
      rest = decoded.rest;
      enqueue(decoded.keys);
      if (rest !== "") wait = setTimeout(giveUpWaiting, isUnfinishedPaste(rest) ? pasteWaitMs : escapeWaitMs);
    },
    drain() {
      queue.length = 0;
    },
    stop() {
      clearTimeout(wait);
      clearImmediate(turn);
      queue.length = 0;
    },
  };
}
