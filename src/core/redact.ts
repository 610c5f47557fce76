import { isJsonObject, type Json } from "./json.ts";
import type { Secret } from "./secret.ts";

/** Replaces every known secret, in plain and in percent-encoded form, before a text leaves the process. */
export interface Redactor {
  text(text: string): string;
  json<T extends Json>(value: T): T;
}

export function redactor(secrets: readonly Secret[]): Redactor {
  const forms = secrets
    .map((secret) => secret.reveal())
    .filter((value) => value.length > 0)
    .flatMap((value) => [value, encodeURIComponent(value)])
    .toSorted((a, b) => b.length - a.length);
  const text = (input: string) => forms.reduce((kept, form) => kept.replaceAll(form, "[secret]"), input);
  return { text, json: (value) => redactJson(value, text) as typeof value };
}

function redactJson(value: Json, text: (input: string) => string): Json {
  if (typeof value === "string") return text(value);
  if (Array.isArray(value)) return value.map((item: Json) => redactJson(item, text));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactJson(item, text)]));
}
