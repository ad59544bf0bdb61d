import { signal } from "@preact/signals";

import type { Name } from "../api/types";
import { whole } from "../format";
import { language, type Language } from "../settings";
import { en } from "./en";
import type { enCrm } from "./en-crm";
import { zh } from "./zh";

export type Key = keyof typeof en | keyof typeof enCrm;

const WORDS: Record<Language, Record<string, string>> = { en: { ...en }, zh: { ...zh } };

/** Whether the words of the CRM's pages are there: they are fetched where somebody sees these pages. */
export const crmWords = signal(false);

export async function loadCrmWords(): Promise<void> {
  const [more, moreZh] = await Promise.all([import("./en-crm"), import("./zh-crm")]);
  Object.assign(WORDS.en, more.enCrm);
  Object.assign(WORDS.zh, moreZh.zhCrm);
  crmWords.value = true;
}

/** The words for `key` in the language chosen, with `{name}` replaced by the values. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  void crmWords.value; // who shows words that are yet to come shows them then
  return (WORDS[language.value][key] ?? "").replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** The words for `key` about so many, with those for one where there are any. */
export function counted(key: Key, n: number): string {
  const one = `${key}.one`;
  return t(n === 1 && known(one) ? one : key, { n: whole(n) });
}

/** Whether there are words for this key: for keys made of what the gateway says. */
export function known(key: string): key is Key {
  return key in WORDS.en;
}

/** A category in the language chosen if it is one of the usual ones, else as the mall calls it. */
export function category(name: string): string {
  const key = `category.${name}`;
  return known(key) ? t(key) : name.replaceAll("_", " ");
}

export function named(name: Name): string {
  return name[language.value];
}
