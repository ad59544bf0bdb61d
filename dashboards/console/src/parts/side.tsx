import { useState } from "preact/hooks";

import { api } from "../api/client";
import type { Zone, ZoneCount } from "../api/types";
import * as format from "../format";
import { category, named, t } from "../i18n";
import { events, floor, frame, goTo, minuteMs, selectedZone, selectZone, site, today, zoneById } from "../state";
import { IconButton, Loading, Search } from "./controls";
import { EventList } from "./eventlist";
import { useLoad } from "./hooks";
import { HourBars } from "./hourbars";
import { flowsFocus } from "../views/flows-focus";

const RECENT = 6;
const NEWS = new Set(["visit.started", "visit.ended"]);

/** Beside the map: the shops of this floor, fullest first, or the one that was chosen. */
export function Side() {
  const chosen = zoneById(selectedZone.value);
  return (
    <aside class="side" aria-label={chosen ? named(chosen.zone.name) : t("map.now")}>
      {chosen ? <ZoneCard key={chosen.zone.id} zone={chosen.zone} /> : <FloorList />}
    </aside>
  );
}

function FloorList() {
  const [search, setSearch] = useState("");
  const counts = new Map(frame.value?.zones.map((count) => [count.zone, count]));
  const sought = search.trim().toLowerCase();
  const zones = (floor.value?.zones ?? [])
    .filter((zone) => zone.kind !== "corridor")
    .filter((zone) => `${zone.name.en} ${zone.name.zh} ${category(zone.category)}`.toLowerCase().includes(sought))
    .map((zone) => ({ zone, count: counts.get(zone.id) }))
    .sort((a, b) => order(b.count) - order(a.count) || named(a.zone.name).localeCompare(named(b.zone.name)));
  const most = Math.max(...zones.map(({ count }) => count?.people ?? 0), 1);
  return (
    <>
      <div class="side-head">
        <h2>
          {t("map.now")}
          {floor.value && <span class="muted"> · {named(floor.value.name)}</span>}
        </h2>
        <Search id="find" label={t("map.search")} value={search} onChange={setSearch} />
      </div>
      <ul class="ranking">
        {zones.map(({ zone, count }) => (
          <li key={zone.id}>
            <button type="button" onClick={() => selectZone(zone.id)}>
              <span class="ranking-name">{named(zone.name)}</span>
              <span class="ranking-value">{count ? format.people(count.people, count.suppressed) : format.NONE}</span>
              <span class="ranking-bar">
                <i style={{ transform: `scaleX(${(count?.people ?? (count?.suppressed ? 1 : 0)) / most})` }} />
              </span>
            </button>
          </li>
        ))}
        {zones.length === 0 && <li class="ranking-none">{t("map.none")}</li>}
      </ul>
      <div class="side-events">
        <header>
          <h2>{t("events.recent")}</h2>
          <button type="button" class="link-button" onClick={() => goTo("events")}>
            {t("events.all")}
          </button>
        </header>
        <EventList rows={events.value.filter((row) => NEWS.has(row.kind)).slice(0, RECENT)} compact />
      </div>
    </>
  );
}

/** Withheld counts sort between nobody and k. */
function order(count: ZoneCount | undefined): number {
  return count?.suppressed ? 0.5 : (count?.people ?? -1);
}

function ZoneCard({ zone }: { zone: Zone }) {
  const period = today.value;
  const key = period === null ? null : `${period.from_ms} ${minuteMs.value}`;
  const figures = useLoad(key, () => api.zones(period!));
  const hours = useLoad(key, () => api.hours(zone.id, period!));
  const row = figures.data?.find((each) => each.zone === zone.id);
  const count = frame.value?.zones.find((each) => each.zone === zone.id);
  const kind = [t(`kind.${zone.kind}`), category(zone.category)].filter(Boolean).join(" · ");
  const share = zone.capacity && count?.people ? count.people / zone.capacity : null;
  return (
    <div class="zone-card">
      <header>
        <IconButton icon="back" label={t("zone.back")} onClick={() => selectZone(null)} />
        <div>
          <h2>{named(zone.name)}</h2>
          <p class="hint">{kind}</p>
        </div>
      </header>
      <div class="zone-now">
        <span class="label">{t("zone.now")}</span>
        <b>{count ? format.people(count.people, count.suppressed) : format.NONE}</b>
        <span class="muted">
          {count?.suppressed
            ? t("suppressed", { k: site.value?.k ?? "" })
            : count && count.low !== null && count.low !== count.high && t("interval", { low: format.whole(count.low), high: format.whole(count.high) })}
        </span>
        {share !== null && (
          <div class={`meter ${share > 0.9 ? "meter-full" : ""}`}>
            <i style={{ transform: `scaleX(${Math.min(share, 1)})` }} />
            <span>{t("zone.capacity", { percent: format.percent(share), n: format.whole(zone.capacity) })}</span>
          </div>
        )}
      </div>
      <dl class="facts">
        <div>
          <dt>{t("zone.visits")}</dt>
          <dd>{format.people(row?.visits, row?.suppressed)}</dd>
        </div>
        <div>
          <dt>{t("zone.dwell")}</dt>
          <dd>{format.duration(row?.dwell_median_s)}</dd>
        </div>
        <div>
          <dt>{t("zone.p90")}</dt>
          <dd>{row?.dwell_p90_s ? `≥ ${format.duration(row.dwell_p90_s)}` : format.NONE}</dd>
        </div>
      </dl>
      <h3>{t("zone.hours")}</h3>
      <Loading loaded={hours} height="6.5rem" empty={(found) => !found.some((hour) => hour.visits !== 0)}>
        {(found) => <HourBars hours={found} label={t("zone.hours")} />}
      </Loading>
      <button
        type="button"
        class="button wide"
        onClick={() => {
          flowsFocus.value = zone.id;
          goTo("flows");
        }}
      >
        {t("zone.flows")}
      </button>
    </div>
  );
}
