import { useState } from "preact/hooks";

import { crm } from "../../api/crm";
import type { Alert } from "../../api/crm-types";
import * as format from "../../format";
import { known, named, t } from "../../i18n";
import { Card, Loading, Segments } from "../../parts/controls";
import { useLoad } from "../../parts/hooks";
import { IntervalBar } from "../../parts/interval";
import { ZoneLink } from "../../parts/place";
import { minuteMs, period } from "../../state";

/** Where something is far from what is usual for this hour and weekday. */
export function CrmAlerts() {
  const chosen = period.value;
  const loaded = useLoad(chosen && `${chosen.from_ms} ${chosen.to_ms} ${minuteMs.value}`, () => crm.alerts(period.value!));
  const [kpi, setKpi] = useState("");
  const kinds = [...new Set((loaded.data?.alerts ?? []).map((alert) => alert.kpi))];
  const tools = kinds.length > 1 && (
    <Segments label={t("crm.alerts.kpi")} value={kpi} onChange={setKpi} options={["", ...kinds].map((value) => ({ value, text: value ? kpiName(value) : t("events.all") }))} />
  );
  return (
    <div class="narrow">
      <Card title={t("nav.crm-alerts")} hint={t("crm.alerts.hint")} tools={tools}>
        <Loading loaded={loaded} empty={(data) => data.alerts.length === 0 && t("crm.alerts.none")}>
          {(data) => (
            <ul class="alerts">
              {data.alerts
                .filter((alert) => !kpi || alert.kpi === kpi)
                .sort((a, b) => b.t_ms - a.t_ms)
                .map((alert) => (
                  <AlertItem key={alert.alert} alert={alert} />
                ))}
            </ul>
          )}
        </Loading>
      </Card>
    </div>
  );
}

function kpiName(kpi: string): string {
  const words = `kpi-of.${kpi}`;
  return known(words) ? t(words) : kpi;
}

/** How a value of each figure is written. */
const WRITTEN: Record<Alert["kpi"], (value: number) => string> = {
  footfall: format.whole,
  dwell: format.duration,
  conversion: format.finePercent,
};

function AlertItem({ alert }: { alert: Alert }) {
  const show = WRITTEN[alert.kpi];
  const { value, low, high } = alert;
  const usual = { usual: show(alert.usual), low: show(low), high: show(high) };
  return (
    <li class={`alert ${alert.ended_ms === null ? "alert-open" : ""}`}>
      <header>
        <span class={`state state-${alert.ended_ms === null ? "warn" : "none"}`}>{t(alert.ended_ms === null ? "crm.alerts.open" : "crm.alerts.ended")}</span>
        {alert.zone === "mall" ? <span>{t("crm.alerts.mall")}</span> : <ZoneLink zone={alert.zone} />}
        <span class="tag">{kpiName(alert.kpi)}</span>
        <time class="muted">
          {format.moment(alert.t_ms)}
          {alert.ended_ms !== null && `–${format.hourMinute(alert.ended_ms)}`}
        </time>
      </header>
      <p>{named(alert.sentence)}</p>
      <div class="alert-range">
        {value !== null && <IntervalBar value={value} low={low} high={high} of={Math.max(value, high) * 1.1} />}
        <small class="muted">{value === null ? t("crm.alerts.withheld", usual) : t("crm.alerts.usual", { value: show(value), ...usual })}</small>
      </div>
    </li>
  );
}
