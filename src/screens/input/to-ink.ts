import { cursorOf, type Model, type Place, placeOf } from "../model.ts";
import { listLength } from "../lists.ts";
import type { Key } from "./decode.ts";

const fieldPlaces: readonly Place[] = ["runbooks", "inputs", "note", "write"];
const pickPlaces: readonly Place[] = ["start", "targets"];
const longest = 200;

/**
 * The bytes that Ink's own widgets may have of this key, or null: a text field gets what edits it, a list gets moves that do not wrap,
 * and Enter. Everything else is for the key table.
 */
export function bytesForInk(model: Model, key: Key): string | null {
  const place = placeOf(model);
  if (fieldPlaces.includes(place)) return forField(model, key, place);
  return pickPlaces.includes(place) ? forList(model, key) : null;
}

function forField(model: Model, key: Key, place: Place): string | null {
  if (key.kind === "named") {
    if (key.name === "backspace") return "\u007F";
    if (model.plainCursor) return null; // the cursor is not seen, so it stays at the end
    if (key.name === "left") return "\u001B[D";
    return key.name === "right" ? "\u001B[C" : null;
  }
  const line = key.kind === "paste" ? (key.text.trim().split(/[\r\n]/)[0] ?? "") : key.text;
  const allowed = (place === "note" ? line : line.replaceAll(/[^\x20-\x7e]/g, "")).slice(0, longest);
  return allowed === "" ? null : allowed;
}

function forList(model: Model, key: Key): string | null {
  if (key.kind !== "named") return null;
  const last = listLength(model) - 1;
  if (key.name === "up") return cursorOf(model) > 0 ? "\u001B[A" : null;
  if (key.name === "down") return cursorOf(model) < last ? "\u001B[B" : null;
  return key.name === "enter" && last >= 0 ? "\r" : null;
}
