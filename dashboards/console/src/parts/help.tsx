import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { t, type Key } from "../i18n";
import { IconButton } from "./controls";

export const helpOpen = signal(false);

const ROWS: [string[], Key][] = [
  [["1", "…", "7"], "help.views"],
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
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (helpOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [helpOpen.value]);
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-label={t("help.title")}
      onClose={() => (helpOpen.value = false)}
      onClick={(event) => event.target === dialog.current && (helpOpen.value = false)}
    >
      <header>
        <h2>{t("help.title")}</h2>
        <IconButton icon="close" label={t("help.close")} onClick={() => (helpOpen.value = false)} />
      </header>
      <dl>
        {ROWS.map(([keys, words]) => (
          <div key={words}>
            <dt>
              {keys.map((key) => (key === "…" ? <span key={key}>–</span> : <kbd key={key}>{key}</kbd>))}
            </dt>
            <dd>{t(words)}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}
