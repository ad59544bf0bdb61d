import type { ComponentChildren } from "preact";

import { api } from "../api/client";
import type { ZoneFigures } from "../api/types";
import * as format from "../format";
import { named, t } from "../i18n";
import { frame, liveFrame, minuteMs, pastAt, receivedAt, selectZone, site, today, zoneById } from "../state";
import { useClock, useLoad } from "./hooks";

const LATE_MS = 5_000;
const VERY_LATE_MS = 15_000;

/** The median of the shops' median dwells, each weighted by its visits. */
export function typicalDwell(rows: ZoneFigures[]): number | null {
  const shops = rows
    .filter((row) => zoneById(row.zone)?.zone.kind === "shop" && row.visits !== null && row.dwell_median_s !== null)
    .map((row) => ({ dwell: row.dwell_median_s!, visits: row.visits! }))
    .sort((a, b) => a.dwell - b.dwell);
  const half = shops.reduce((sum, shop) => sum + shop.visits, 0) / 2;
  let sum = 0;
  return shops.find((shop) => (sum += shop.visits) >= half)?.dwell ?? null;
}

function Kpi(props: { label: string; value: ComponentChildren; hint?: ComponentChildren; tone?: string | undefined }) {
  return (
    <div class={`kpi ${props.tone ?? ""}`}>
      <dt>{props.label}</dt>
      <dd>
        <b>{props.value}</b>
        {props.hint && <span>{props.hint}</span>}
      </dd>
    </div>
  );
}

export function Kpis() {
  const shown = frame.value;
  const period = today.value;
  const key = period === null ? null : `${period.from_ms} ${minuteMs.value}`;
  const zones = useLoad(key, () => api.zones(today.value!));
  const footfall = useLoad(key, () => api.footfall(today.value!));
  const visits = zones.data
    ?.filter((row) => zoneById(row.zone)?.zone.kind === "shop")
    .reduce((sum, row) => sum + (row.visits ?? 0), 0);
  const arrivals = footfall.data?.reduce((sum, hour) => sum + (hour.arrivals ?? 0), 0);
  const present = shown?.present;
  const people = site.value?.people;
  const busiest = shown?.zones
    .filter((count) => count.people !== null && zoneById(count.zone)?.zone.kind === "shop")
    .sort((a, b) => b.people! - a.people!)[0];
  const busiestZone = busiest && busiest.people! >= 1 ? zoneById(busiest.zone)?.zone : undefined;
  return (
    <dl class="kpis">
      <Kpi
        label={t(pastAt.value === null ? "kpi.people" : "kpi.people.past") + (people && !people.calibrated ? ` · ${t("uncalibrated")}` : "")}
        value={format.people(present?.people, present?.people === null)}
        hint={
          present &&
          present.low !== null &&
          present.low !== present.high && (
            <span title={people && named(people.note)}>
              {t("interval", { low: format.whole(present.low), high: format.whole(present.high) })}
            </span>
          )
        }
      />
      <Kpi
        label={t("kpi.visits")}
        value={format.whole(visits)}
        hint={arrivals !== undefined && t("kpi.arrivals", { n: format.whole(arrivals) })}
      />
      <Kpi label={t("kpi.dwell")} value={format.duration(zones.data && typicalDwell(zones.data))} hint={t("kpi.dwell.hint")} />
      <Kpi
        label={t("kpi.busiest")}
        value={
          busiestZone ? (
            <button type="button" class="link-button" onClick={() => selectZone(busiestZone.id)}>
              {named(busiestZone.name)}
            </button>
          ) : (
            format.NONE
          )
        }
        hint={busiestZone && format.people(busiest!.people)}
      />
      <Freshness />
    </dl>
  );
}

/** How old the newest figures are, counting on while none come. */
function Freshness() {
  const now = useClock(1000);
  const newest = liveFrame.value;
  if (!newest) return <Kpi label={t("kpi.delay")} value={format.NONE} />;
  const waited = now.value - receivedAt.value;
  const delay = newest.delay_ms + (waited > 2000 ? waited : 0);
  const tone = delay > VERY_LATE_MS ? "bad" : delay > LATE_MS ? "warn" : "good";
  return (
    <Kpi
      label={t("kpi.delay")}
      value={format.delay(delay)}
      tone={`kpi-${tone}`}
      hint={
        <>
          <i class={`dot dot-${tone}`} />
          {t(tone === "good" ? "kpi.fresh" : "kpi.stale")}
        </>
      }
    />
  );
}
