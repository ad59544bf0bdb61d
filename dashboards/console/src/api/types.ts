/** What the gateway's HTTP API answers (see /api/v1/openapi.json). Times are epoch milliseconds. */

export type Name = { en: string; zh: string };
export type Point = [number, number];
export type Area =
  | { type: "Polygon"; coordinates: Point[][] }
  | { type: "MultiPolygon"; coordinates: Point[][][] };

export type ZoneKind = "shop" | "corridor" | "entrance" | "vertical" | "facility";

export interface Zone {
  id: string;
  name: Name;
  kind: ZoneKind;
  category: string;
  capacity: number | null;
  area: Area;
  label: Point;
}

export interface Floor {
  id: string;
  name: Name;
  level: number;
  elevation_m: number;
  bounds: [number, number, number, number];
  outline: Area;
  zones: Zone[];
}

export interface NodePlace {
  id: string;
  floor: string;
  x_m: number;
  y_m: number;
  z_m: number;
}

export interface Site {
  mall: { id: string; name: Name; timezone: string };
  k: number;
  /** What numbers of people rest on. */
  people: { calibrated: boolean; arrivals_calibrated: boolean; note: Name };
  floors: Floor[];
  nodes: NodePlace[];
  /** The areas of the car park; null where the mall has none. */
  car_park?: { id: string; name: Name; level: string; capacity: number }[] | null;
  /** Null where the mall has no CRM. */
  crm?: { currency: string } | null;
}

export interface Heat {
  cell_m: number;
  x0_m: number;
  y0_m: number;
  nx: number;
  ny: number;
  /** iy * nx + ix of the cells that are not empty. */
  index: number[];
  value: number[];
}

export interface Dots {
  id: number[];
  x_m: number[];
  y_m: number[];
  sd_m: number[];
}

/** A count with its interval; null where it is about fewer than k people. */
export interface Count {
  people: number | null;
  low: number | null;
  high: number | null;
  suppressed: boolean;
}

export interface ZoneCount extends Count {
  zone: string;
}

export interface EventRow {
  cursor: number;
  kind: string;
  t_ms: number;
  zone: string | null;
  floor: string | null;
  dwell_s: number | null;
  visit: string | null;
}

export interface Frame {
  t_ms: number;
  delay_ms: number;
  present: Count;
  floors: { floor: string; people: number | null }[];
  floor: string;
  heat: Heat;
  dots: Dots;
  zones: ZoneCount[];
  events: EventRow[];
}

export interface Timeline {
  step_ms: number;
  t_ms: number[];
  people: (number | null)[];
}

export interface ZoneFigures {
  zone: string;
  visits: number | null;
  visitors: number | null;
  visitors_low: number | null;
  visitors_high: number | null;
  dwell_median_s: number | null;
  dwell_p90_s: number | null;
  dwell_mean_s: number | null;
  open: number | null;
  suppressed: boolean;
}

export interface ZoneHour {
  hour_ms: number;
  visits: number | null;
  people_mean: number | null;
}

export interface FootfallHour extends Count {
  hour_ms: number;
  arrivals: number | null;
  arrivals_low: number | null;
  arrivals_high: number | null;
}

export interface Flows {
  links: { source: string; target: string; people: number }[];
  suppressed_links: number;
}

export type NodeState = "online" | "silent" | "offline" | "never";

export interface NodeHealth {
  id: string;
  floor: string;
  state: NodeState;
  last_ms: number | null;
  lag_ms: number | null;
  observations_per_min: number | null;
  spooled: number | null;
  dropped: number | null;
  temperature_c: number | null;
  advice: Name | null;
}

/** How the gateway is, as far as the console tells. */
export type Health = {
  status: string;
  t_ms: number | null;
  /** Null where the history is in the gateway's own file. */
  history: { problem: string | null; waiting_points: number; waiting_since_ms: number | null } | null;
};

export interface CarParkArea {
  id: string;
  name: Name;
  capacity: number;
  cars: number;
  low: number;
  high: number;
  free: number;
  full: boolean;
  queue: number;
}

export interface CarPark {
  t_ms: number;
  whole: CarParkArea;
  areas: CarParkArea[];
  levels: CarParkArea[];
  forecast: { within_30: number; within_60: number; minutes: number | null };
}

export interface CarParkTimeline {
  step_ms: number;
  capacity: number;
  t_ms: number[];
  cars: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
  entered: number[];
  left: number[];
}

export interface StayFigures {
  stays: number | null;
  turnover: number | null;
  ended: number | null;
  length_median_min: number | null;
  length_p90_min: number | null;
  suppressed: boolean;
}

export interface FoundCar {
  stay: string;
  area: string;
  name: Name;
  level: string;
  entered_ms: number;
  seen_ms: number;
}
