import type { Name } from "../api/types";
import { whole } from "../format";
import { language } from "../settings";
import { en, type Key } from "./en";
import { zh } from "./zh";

export type { Key } from "./en";

const WORDS = { en, zh };

/** The words for `key` in the language chosen, with `{name}` replaced by the values. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return WORDS[language.value][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** The words for `key` about so many, with those for one where there are any. */
export function counted(key: Key, n: number): string {
  const one = `${key}.one`;
  return t(n === 1 && known(one) ? one : key, { n: whole(n) });
}

/** Whether there are words for this key: for keys made of what the gateway says. */
export function known(key: string): key is Key {
  return key in en;
}

/** A category in the language chosen if it is one of the usual ones, else as the mall calls it. */
export function category(name: string): string {
  const key = `category.${name}`;
  return known(key) ? t(key) : name.replaceAll("_", " ");
}

export function named(name: Name): string {
  return name[language.value];
}
