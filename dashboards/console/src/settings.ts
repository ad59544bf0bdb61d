import { effect, signal, type Signal } from "@preact/signals";

export type Language = "en" | "zh";
export type Theme = "system" | "light" | "dark";

/** A value the browser remembers; what was stored before is taken only if it is still allowed. */
function remembered<T extends string>(name: string, allowed: readonly T[], otherwise: T): Signal<T> {
  const key = `mallsense.${name}`;
  let stored: unknown = null;
  try {
    stored = JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    // somebody else's value: start afresh
  }
  const chosen = signal(allowed.find((value) => value === stored) ?? otherwise);
  effect(() => localStorage.setItem(key, JSON.stringify(chosen.value)));
  return chosen;
}

export const language = remembered<Language>(
  "language",
  ["en", "zh"],
  navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en",
);
export const theme = remembered<Theme>("theme", ["system", "light", "dark"], "system");

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(systemDark.matches);
systemDark.addEventListener("change", (change) => (systemIsDark.value = change.matches));

/** The theme in force. */
export const dark = signal(false);

effect(() => {
  dark.value = theme.value === "dark" || (theme.value === "system" && systemIsDark.value);
  document.documentElement.dataset["theme"] = dark.value ? "dark" : "light";
});
effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});

const still = window.matchMedia("(prefers-reduced-motion: reduce)");
/** Whether the system asks for little motion. */
export function reducedMotion(): boolean {
  return still.matches;
}
