import { t } from "../i18n";
import { customPeriod, nowMs, period, periodName, type PeriodName, site } from "../state";
import { DAY_MS, fromIsoDay, isoDay } from "../time";
import { Segments } from "./controls";

const NAMES: PeriodName[] = ["today", "yesterday", "week", "custom"];

/** Which days the figures are about. */
export function PeriodPicker() {
  const zone = site.value?.mall.timezone ?? "UTC";
  const chosen = period.value;
  const choose = (from: string, to: string) => {
    const from_ms = fromIsoDay(from, zone);
    const last = fromIsoDay(to, zone);
    if (from_ms === null || last === null) return;
    const [first, end] = from_ms <= last ? [from_ms, last] : [last, from_ms];
    customPeriod.value = { from_ms: first, to_ms: fromIsoDay(isoDay(end + 1.5 * DAY_MS, zone), zone) ?? end + DAY_MS };
  };
  const from = chosen ? isoDay(chosen.from_ms, zone) : "";
  const to = chosen ? isoDay(chosen.to_ms - 1, zone) : "";
  const latest = nowMs.value === null ? "" : isoDay(nowMs.value, zone);
  return (
    <div class="period">
      <Segments
        label={t("period.label")}
        options={NAMES.map((value) => ({ value, text: t(`period.${value}`) }))}
        value={periodName.value}
        onChange={(value) => {
          if (value === "custom" && chosen) customPeriod.value = chosen;
          periodName.value = value;
        }}
      />
      {periodName.value === "custom" && (
        <div class="dates">
          <input type="date" aria-label={t("period.from")} value={from} max={latest} onChange={(e) => choose(e.currentTarget.value, to)} />
          <span aria-hidden="true">–</span>
          <input type="date" aria-label={t("period.to")} value={to} max={latest} onChange={(e) => choose(from, e.currentTarget.value)} />
        </div>
      )}
    </div>
  );
}
