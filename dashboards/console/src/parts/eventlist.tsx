import type { EventRow } from "../api/types";
import * as format from "../format";
import { known, named, t } from "../i18n";
import { site, zoneById } from "../state";
import { Icon, type IconName } from "./icon";
import { ZoneLink } from "./place";

const ICONS: Record<string, IconName> = {
  "visit.started": "enter",
  "visit.updated": "stay",
  "visit.ended": "leave",
  "path.ended": "door",
  "car.entered": "enter",
  "car.left": "leave",
  "car_park.full_soon": "stay",
  "car_park.full": "warning",
  "car_park.free": "check",
};

export function EventList({ rows, compact = false }: { rows: EventRow[]; compact?: boolean }) {
  if (rows.length === 0) return <p class="empty">{t("events.none")}</p>;
  return (
    <ul class={`events ${compact ? "events-compact" : ""}`}>
      {rows.map((row) => (
        <EventItem key={row.cursor} row={row} compact={compact} />
      ))}
    </ul>
  );
}

function EventItem({ row, compact }: { row: EventRow; compact: boolean }) {
  const place = zoneById(row.zone);
  const words = `events.${row.kind}`;
  return (
    <li class={`event event-${row.kind.replace(".", "-")}`}>
      <span class="event-icon">
        <Icon name={ICONS[row.kind] ?? "events"} size={14} />
      </span>
      <span class="event-what">
        {place ? <ZoneLink zone={place.zone.id} /> : <span>{placeName(row)}</span>}
        <span class="muted">
          {known(words) ? t(words) : row.kind}
          {row.dwell_s !== null && row.kind !== "visit.started" && ` · ${t("events.after", { dwell: format.duration(row.dwell_s) })}`}
        </span>
      </span>
      {!compact && place && <span class="tag">{place.floor.id}</span>}
      <time class="event-time">{format.clock(row.t_ms)}</time>
    </li>
  );
}

/** The area of a car's event, the car park, or the mall. */
function placeName(row: EventRow): string {
  if (row.zone === null) return site.value ? named(site.value.mall.name) : "";
  const area = site.value?.car_park?.find((each) => each.id === row.zone);
  return area ? named(area.name) : row.kind.startsWith("car") ? t("carpark.whole") : row.zone;
}
