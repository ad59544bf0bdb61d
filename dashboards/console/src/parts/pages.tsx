import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import { t } from "../i18n";
import { useLoad, type Loaded } from "./hooks";

type After = string | number | undefined;
type Page<Row> = { rows: Row[]; next: string | number | null };

/** Rows that come page after page; anew from the first when `key` changes. `more`: the button for the next. */
export function usePages<Row>(key: string | null, load: (after: After) => Promise<Page<Row>>): Loaded<Row[]> & { more: ComponentChildren } {
  const first = useLoad(key, () => load(undefined));
  const [later, setLater] = useState<{ of: Page<Row> | null; rows: Row[]; next: string | number | null }>({ of: null, rows: [], next: null });
  const [busy, setBusy] = useState(false);
  useEffect(() => setLater({ of: first.data, rows: [], next: first.data?.next ?? null }), [first.data]);
  const further = async () => {
    setBusy(true);
    try {
      const page = await load(later.next ?? undefined);
      setLater((before) => (before.of === first.data ? { ...before, rows: [...before.rows, ...page.rows], next: page.next } : before));
    } catch {
      // the button stays: it can be tried again
    }
    setBusy(false);
  };
  return {
    ...first,
    data: first.data && [...first.data.rows, ...(later.of === first.data ? later.rows : [])],
    more: later.of === first.data && later.next !== null && (
      <div class="more">
        <button type="button" class="button" disabled={busy} onClick={() => void further()}>
          {t("crm.more")}
        </button>
      </div>
    ),
  };
}
