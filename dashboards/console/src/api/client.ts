import type {
  CarPark,
  CarParkTimeline,
  EventRow,
  Flows,
  FoundCar,
  FootfallHour,
  Frame,
  Health,
  NodeHealth,
  Site,
  StayFigures,
  Timeline,
  ZoneFigures,
  ZoneHour,
} from "./types";

const ROOT = "api/v1";

/** The gateway wants a login first. */
export class Unauthorised extends Error {}

/** The gateway was not reached, or answered with an error. */
export class GatewayError extends Error {
  constructor(
    message: string,
    readonly status: number | null,
    /** What the gateway said is wrong, in its own words. */
    readonly detail: string | null = null,
  ) {
    super(message);
  }
}

export type Period = { from_ms: number; to_ms: number };
export type Query = Record<string, string | number | undefined>;

export function address(path: string, query: Query = {}): string {
  const parts = Object.entries(query)
    .filter((entry): entry is [string, string | number] => entry[1] !== undefined)
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  return `${ROOT}/${path}${parts.length > 0 ? `?${parts.join("&")}` : ""}`;
}

export async function ask<T>(path: string, query?: Query, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address(path, query), { headers: { "Content-Type": "application/json" }, ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new GatewayError("unreachable", null);
  }
  if (response.status === 401) throw new Unauthorised("login needed");
  if (!response.ok) throw new GatewayError(`${response.status} ${response.statusText}`, response.status, await detailOf(response));
  return (response.status === 204 ? undefined : await response.json()) as T;
}

type Invalid = { loc: (string | number)[]; msg: string };

/** What FastAPI says is wrong: a sentence, or one a field. */
async function detailOf(response: Response): Promise<string | null> {
  try {
    const { detail } = (await response.json()) as { detail?: string | Invalid[] };
    if (!Array.isArray(detail)) return detail ?? null;
    return detail.map(({ loc, msg }) => [loc.slice(1).join("."), msg].filter(Boolean).join(": ")).join("; ");
  } catch {
    return null; // something between here and the gateway has answered
  }
}

export const api = {
  site: () => ask<Site>("site"),
  frame: (floor: string, t_ms: number) => ask<Frame>("frame", { floor, t_ms: Math.round(t_ms) }),
  timeline: (period: Period) => ask<Timeline>("timeline", period),
  zones: (period: Period) => ask<ZoneFigures[]>("zones", period),
  hours: (zone: string, period: Period) =>
    ask<ZoneHour[]>(`zones/${encodeURIComponent(zone)}/hours`, period),
  footfall: (period: Period) => ask<FootfallHour[]>("footfall", period),
  flows: (period: Period, floor?: string) => ask<Flows>("flows", { ...period, floor }),
  events: (limit: number, after?: number) => ask<{ events: EventRow[]; next: number }>("events", { limit, after }),
  nodes: () => ask<NodeHealth[]>("nodes"),
  health: () => ask<Health>("health"),
  carPark: () => ask<CarPark>("car-park"),
  carParkTimeline: (period: Period, area?: string) => ask<CarParkTimeline>("car-park/timeline", { ...period, area }),
  stays: (period: Period) => ask<StayFigures>("car-park/stays", period),
  findCar: (by: { token: string } | { plate: string }) =>
    ask<FoundCar>("car-park/find", {}, { method: "POST", body: JSON.stringify(by) }),
  /** What this login may see. */
  access: () => ask<{ logged_in: boolean; crm: boolean }>("login"),
  login: (password: string) => ask<unknown>("login", {}, { method: "POST", body: JSON.stringify({ password }) }),
};

/** The address of the live frames of one floor. */
export function liveAddress(floor: string): string {
  const url = new URL(address("live", { floor }), document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
