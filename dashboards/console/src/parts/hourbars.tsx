import type { ZoneHour } from "../api/types";
import { hourMinute, people } from "../format";
import { site } from "../state";
import { hourOfDay } from "../time";

const HEIGHT = 84;
const WIDTH = 300;

/** Visits by the hour, small: for the panel beside the map. A withheld hour is a hatched stub. */
export function HourBars({ hours, label }: { hours: ZoneHour[]; label: string }) {
  const zone = site.value?.mall.timezone ?? "UTC";
  const used = hours.filter((hour) => hour.visits !== 0 || (hour.people_mean ?? 0) > 0);
  const first = Math.min(...used.map((hour) => hour.hour_ms), Infinity);
  const last = Math.max(...used.map((hour) => hour.hour_ms), -Infinity);
  const shown = hours.filter((hour) => hour.hour_ms >= first && hour.hour_ms <= last);
  const most = Math.max(...shown.map((hour) => hour.visits ?? 0), 1);
  const slot = WIDTH / Math.max(shown.length, 8);
  return (
    <svg class="hourbars" viewBox={`0 0 ${WIDTH} ${HEIGHT + 18}`} role="img" aria-label={label}>
      <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} class="hourbars-base" />
      {shown.map((hour, i) => {
        const height = hour.visits === null ? 6 : Math.max((hour.visits / most) * (HEIGHT - 14), hour.visits > 0 ? 2 : 0);
        const every = Math.ceil(shown.length / 8);
        return (
          <g key={hour.hour_ms}>
            <title>{`${hourMinute(hour.hour_ms)} · ${people(hour.visits, hour.visits === null)}`}</title>
            <rect
              class={hour.visits === null ? "hourbars-hidden" : "hourbars-bar"}
              x={i * slot + slot * 0.14}
              y={HEIGHT - height}
              width={slot * 0.72}
              height={height}
              rx="2"
            />
            {hour.visits === most && (
              <text x={i * slot + slot / 2} y={HEIGHT - height - 4} class="hourbars-value">
                {people(hour.visits)}
              </text>
            )}
            {i % every === 0 && (
              <text x={i * slot + slot / 2} y={HEIGHT + 13} class="hourbars-hour">
                {hourOfDay(hour.hour_ms, zone)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}
