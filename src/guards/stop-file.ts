import type { Guard } from "./guard.ts";

/** Enough of a stop file to say why, who and when; the rest is for reading it oneself. */
const shown = 200;

export const stopFile: Guard = {
  name: "stop-file",
  summary: "An emergency stop that anyone on this machine can raise by making a file; it wins over everything",
  before: ["read", "hold", "write", "destroy"],
  sandbox: "asked",
  watched: true,

  async judge(view) {
    const { stopFile: file } = view.policy;
    const text = await view.readText(file);
    if (text === null) return { verdict: "allow", reason: `no stop file at ${file}` };
    const says = oneLine(text);
    return {
      verdict: "deny",
      reason: `emergency stop: ${file} ${says === "" ? "is there and says nothing" : `says: ${says}`}`,
      hint: "Find out who raised it and why. When that is settled, remove the file; then resume.",
    };
  },
};

/** Whoever could make the file could put anything into it: only plain ASCII reaches a terminal. */
function oneLine(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]+/g, " ").trim();
  return plain.length > shown ? `${plain.slice(0, shown)} ...` : plain;
}
