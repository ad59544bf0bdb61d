import { batch, computed, effect, signal } from "@preact/signals";

import { api, type Period, Unauthorised } from "./api/client";
import { type Link, Live } from "./api/live";
import type { EventRow, Floor, Frame, Health, NodeHealth, NodeState, Site, Zone } from "./api/types";
import { DAY_MS, dayStart } from "./time";

export const VIEWS = ["live", "zones", "flows", "footfall", "carpark", "events", "nodes"] as const;
/** The pages of the CRM team; their addresses are #/crm/here and so on. */
export const CRM_VIEWS = [
  "crm-here",
  "crm-members",
  "crm-segments",
  "crm-audiences",
  "crm-figures",
  "crm-alerts",
  "crm-webhooks",
  "crm-consent",
] as const;
export type CrmView = (typeof CRM_VIEWS)[number];
export type View = (typeof VIEWS)[number] | CrmView;
export type PeriodName = "today" | "yesterday" | "week" | "custom";

const KEPT_EVENTS = 500;
const NODES_EVERY_MS = 10_000;
const SITE_AGAIN_MS = 3_000;

export const site = signal<Site | null>(null);
/** The views that this mall has something for, but those of the CRM. */
export const views = computed<readonly View[]>(() => VIEWS.filter((name) => name !== "carpark" || Boolean(site.value?.car_park)));
export const loginNeeded = signal(false);
/** Why the mall could not be loaded at all; null while all is well. */
export const siteError = signal(false);
export const link = signal<Link>({ state: "connecting" });

const arrived = ofHash();
export const view = signal<View>(arrived.view);
/** Of what the view shows one: the member's reference. Null: it shows all. */
export const chosenOne = signal<string | null>(arrived.one);
export const floorId = signal("");
export const selectedZone = signal<string | null>(null);

/** The newest live frame, and when it came (by the browser's clock). */
export const liveFrame = signal<Frame | null>(null);
export const receivedAt = signal(0);
/** The moment of the past shown on the map; null: live. */
export const pastAt = signal<number | null>(null);
export const pastFrame = signal<Frame | null>(null);
export const frame = computed(() => (pastAt.value === null ? liveFrame.value : pastFrame.value));
export const events = signal<EventRow[]>([]);

/** The mall's time: of its newest frame, never of the browser's clock, which may be wrong or in another replay. */
export const nowMs = computed(() => liveFrame.value?.t_ms ?? null);
/** The same by the minute, for what need not be asked anew with every frame. */
export const minuteMs = computed(() => (nowMs.value === null ? null : Math.floor(nowMs.value / 60_000) * 60_000));

/** The nodes' health, asked for every few seconds. */
export const nodeHealth = signal<{ data: NodeHealth[] | null; failed: boolean; at_ms: number | null }>({
  data: null,
  failed: false,
  at_ms: null,
});
/** The server that the history is kept on, where there is one: asked for with the nodes. */
export const history = signal<Health["history"]>(null);
export const nodeStates = computed<ReadonlyMap<string, NodeState>>(
  () => new Map(nodeHealth.value.data?.map((node) => [node.id, node.state])),
);

export const periodName = signal<PeriodName>("today");
export const customPeriod = signal<Period | null>(null);
export const period = computed<Period | null>(() => {
  const now = minuteMs.value;
  const zone = site.value?.mall.timezone;
  if (now === null || !zone) return null;
  const start = (days: number) => dayStart(now, zone, days);
  switch (periodName.value) {
    case "today":
      return { from_ms: start(0), to_ms: start(1) };
    case "yesterday":
      return { from_ms: start(-1), to_ms: start(0) };
    case "week":
      return { from_ms: start(-6), to_ms: start(1) };
    case "custom":
      return customPeriod.value ?? { from_ms: start(0), to_ms: start(1) };
  }
});
export const today = computed<Period | null>(() => {
  const now = minuteMs.value;
  const zone = site.value?.mall.timezone;
  if (now === null || !zone) return null;
  return { from_ms: dayStart(now, zone), to_ms: dayStart(now + DAY_MS, zone) };
});

export const floor = computed<Floor | null>(
  () => site.value?.floors.find((each) => each.id === floorId.value) ?? null,
);

const zonesById = computed(() => {
  const found = new Map<string, { zone: Zone; floor: Floor }>();
  for (const each of site.value?.floors ?? []) for (const zone of each.zones) found.set(zone.id, { zone, floor: each });
  return found;
});

export function zoneById(id: string | null): { zone: Zone; floor: Floor } | undefined {
  return id === null ? undefined : zonesById.value.get(id);
}

function ofHash(): { view: View; one: string | null } {
  const parts = location.hash.replace(/^#\/?/, "").split("/");
  if (parts[0] !== "crm") return { view: VIEWS.find((each) => each === parts[0]) ?? "live", one: null };
  const found = CRM_VIEWS.find((each) => each === `crm-${parts[1]}`) ?? "crm-here";
  return { view: found, one: parts[2] ? decoded(parts[2]) : null };
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null; // somebody has typed a lone percent sign
  }
}

window.addEventListener("hashchange", () => {
  const { view: next, one } = ofHash();
  batch(() => {
    view.value = next;
    chosenOne.value = one;
  });
});

/** The address of a view, or of one of what it shows. */
export function addressOf(target: View, one?: string): string {
  return `#/${target.replace("crm-", "crm/")}${one === undefined ? "" : `/${encodeURIComponent(one)}`}`;
}

export function goTo(target: View, one?: string): void {
  location.hash = addressOf(target, one);
}

/** Show the zone on the map, on its floor. */
export function selectZone(id: string | null): void {
  const found = zoneById(id);
  if (found) floorId.value = found.floor.id;
  selectedZone.value = found ? id : null;
}

/** Go up (or down, by a negative number) by floors, as far as there are any. */
export function changeFloor(step: number): void {
  const floors = [...(site.value?.floors ?? [])].sort((a, b) => a.level - b.level);
  const next = floors[floors.findIndex((each) => each.id === floorId.value) + step];
  if (next) {
    selectedZone.value = null;
    floorId.value = next.id;
  }
}

/** Newest first, each once: after a new connection the gateway may send some again. */
export function addEvents(rows: EventRow[]): void {
  if (rows.length === 0) return;
  const known = new Set(events.value.map((row) => row.cursor));
  const fresh = rows.filter((row) => !known.has(row.cursor));
  if (fresh.length === 0) return;
  events.value = [...fresh, ...events.value].sort((a, b) => b.cursor - a.cursor).slice(0, KEPT_EVENTS);
}

let live: Live | null = null;

/** Ask for the login page when the gateway wants one; what is no such error is for the caller. */
export function needsLogin(error: unknown): boolean {
  if (!(error instanceof Unauthorised)) return false;
  live?.close();
  loginNeeded.value = true;
  return true;
}

/** Load the mall and follow it. */
export async function start(): Promise<void> {
  siteError.value = false;
  try {
    const found = await api.site();
    loginNeeded.value = false;
    site.value = found;
    const lowest = [...found.floors].sort((a, b) => Math.abs(a.level) - Math.abs(b.level))[0];
    if (!floor.value && lowest) floorId.value = lowest.id;
    connect();
    void followNodes();
    addEvents((await api.events(100)).events);
  } catch (error) {
    if (needsLogin(error) || site.value) return;
    siteError.value = true;
    setTimeout(() => void start(), SITE_AGAIN_MS);
  }
}

let nodesTimer = 0;

async function followNodes(): Promise<void> {
  clearTimeout(nodesTimer);
  try {
    nodeHealth.value = { data: await api.nodes(), failed: false, at_ms: nowMs.value };
    history.value = (await api.health()).history;
  } catch (error) {
    if (needsLogin(error)) return;
    nodeHealth.value = { ...nodeHealth.value, failed: true };
  }
  nodesTimer = window.setTimeout(() => void followNodes(), NODES_EVERY_MS);
}

function connect(): void {
  live?.close();
  live = new Live(floorId.value, onFrame, onLink);
  live.open();
}

function onFrame(next: Frame): void {
  liveFrame.value = next;
  receivedAt.value = Date.now();
  addEvents(next.events);
}

function onLink(next: Link): void {
  link.value = next;
  // A refused WebSocket does not say why; a plain request does.
  if (next.state === "lost") api.health().catch(needsLogin);
}

export function retryNow(): void {
  if (site.value) live?.open();
  else void start();
}

effect(() => {
  const id = floorId.value;
  live?.follow(id);
});
