/** Days and hours in the mall's time zone, whatever the browser's is. */

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

function parts(t_ms: number, zone: string): number[] {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-CA", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(zone, format);
  }
  const found = new Map(format.formatToParts(t_ms).map((part) => [part.type, Number(part.value)]));
  return (["year", "month", "day", "hour", "minute", "second"] as const).map((type) => found.get(type) ?? 0);
}

/** How far the zone's clocks are ahead of UTC at a moment. */
function offset(t_ms: number, zone: string): number {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts(t_ms, zone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(t_ms / 1000) * 1000;
}

/** The moment at which the clocks of the zone show this wall time, taken as if it were UTC. */
function fromWall(wall_ms: number, zone: string): number {
  const guess = wall_ms - offset(wall_ms, zone);
  return wall_ms - offset(guess, zone); // once more: the guess may lie on the other side of a clock change
}

/** Midnight before `t_ms`, moved by whole days. */
export function dayStart(t_ms: number, zone: string, days = 0): number {
  const [year = 0, month = 1, day = 1] = parts(t_ms, zone);
  return fromWall(Date.UTC(year, month - 1, day + days), zone);
}

/** YYYY-MM-DD, as date inputs want it. */
export function isoDay(t_ms: number, zone: string): string {
  return parts(t_ms, zone)
    .slice(0, 3)
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
}

/** Midnight of a YYYY-MM-DD; null if it is none. */
export function fromIsoDay(iso: string, zone: string): number | null {
  const wall = Date.parse(`${iso}T00:00:00Z`);
  return Number.isNaN(wall) ? null : fromWall(wall, zone);
}

export function hourOfDay(t_ms: number, zone: string): number {
  return parts(t_ms, zone)[3] ?? 0;
}
