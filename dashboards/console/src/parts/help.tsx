import { signal } from "@preact/signals";

import { crmViews } from "../crm";
import { t, type Key } from "../i18n";
import { Dialog } from "./dialog";

export const helpOpen = signal(false);

const ROWS: [string[], Key][] = [
  [["1", "…", "7"], "help.views"],
  [["C"], "help.crm"],
  [["[", "]"], "help.floor"],
  [["←", "→"], "help.time"],
  [["Space"], "help.play"],
  [["L"], "help.live"],
  [["/"], "help.find"],
  [["+", "−", "0"], "help.map"],
  [["T"], "help.theme"],
  [["Z"], "help.lang"],
  [["Esc"], "help.esc"],
  [["?"], "help.help"],
];

export function Help() {
  const rows = ROWS.filter(([, words]) => words !== "help.crm" || crmViews.value.length > 0);
  return (
    <Dialog title={t("help.title")} open={helpOpen.value} onClose={() => (helpOpen.value = false)} class="help">
      <dl>
        {rows.map(([keys, words]) => (
          <div key={words}>
            <dt>
              {keys.map((key) => (key === "…" ? <span key={key}>–</span> : <kbd key={key}>{key}</kbd>))}
            </dt>
            <dd>{t(words)}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
