import { crmViews } from "./crm";
import { helpOpen } from "./parts/help";
import { backToLive, playing, step } from "./past";
import { dark, language, theme } from "./settings";
import { changeFloor, goTo, loginNeeded, pastAt, selectZone, selectedZone, view, VIEWS, views } from "./state";
import { MINUTE_MS } from "./time";

const ACTIONS: Record<string, () => void> = {
  "?": () => (helpOpen.value = !helpOpen.value),
  "[": () => changeFloor(-1),
  "]": () => changeFloor(1),
  ArrowLeft: () => view.value === "live" && step(-MINUTE_MS),
  ArrowRight: () => view.value === "live" && step(MINUTE_MS),
  " ": () => pastAt.value !== null && (playing.value = !playing.value),
  l: backToLive,
  c: () => crmViews.value[0] && goTo(crmViews.value[0]),
  t: () => (theme.value = dark.value ? "light" : "dark"),
  z: () => (language.value = language.value === "en" ? "zh" : "en"),
  "/": () => document.getElementById("find")?.focus(),
  Escape: () => selectedZone.value !== null && selectZone(null),
};
VIEWS.forEach((_, i) => {
  ACTIONS[String(i + 1)] = () => {
    const name = views.value[i];
    if (name) goTo(name);
  };
});

/** Keys that work wherever nobody is typing, and where the focused element has no use for them. */
export function listenToKeys(): void {
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || loginNeeded.value) return;
    const typing = target.closest("input, select, textarea");
    if (typing) {
      if (event.key === "Escape") (typing as HTMLElement).blur();
      return;
    }
    // Dialogs have their own use for Escape, and what is behind them is not to change.
    if (document.querySelector("dialog[open]") && !(helpOpen.value && event.key === "?")) return;
    if (event.key === " " && target.closest("button, a")) return;
    const action = ACTIONS[event.key] ?? ACTIONS[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
