/** What the pages of the CRM team share: whether they may be seen, names of segments, alerts that go on. */

import { computed, effect, signal } from "@preact/signals";

import { api, GatewayError } from "./api/client";
import { crm } from "./api/crm";
import type { Alert, Segment, Segments } from "./api/crm-types";
import { crmWords, loadCrmWords, named } from "./i18n";
import { CRM_VIEWS, loginNeeded, needsLogin, nowMs, site, type CrmView } from "./state";
import { DAY_MS } from "./time";

/** "asking" until the gateway has said whether this login is one of the CRM team; "none": the mall has no CRM. */
export const crmAccess = signal<"none" | "asking" | "open" | "refused">("none");

/** In the navigation: all pages, or one that says how to get at them, or none where the mall has no CRM. */
export const crmViews = computed<readonly CrmView[]>(() =>
  crmAccess.value === "none" || !crmWords.value ? [] : crmAccess.value === "refused" ? ["crm-here"] : CRM_VIEWS,
);

const segments = signal<Segments | null>(null);
/** Alerts that have not ended. */
export const openAlerts = signal<Alert[]>([]);

const EVERY_MS = 30_000;
const ALERTS_OVER_MS = 2 * DAY_MS;
let timer = 0;

/** Whether it is about who asks; then the page that says so is shown. */
export function refused(error: unknown): boolean {
  if (!(error instanceof GatewayError) || error.status !== 403) return false;
  crmAccess.value = "refused";
  return true;
}

/** Ask whether this login may see members, and then what every page needs, now and again. */
export async function followCrm(): Promise<void> {
  clearTimeout(timer);
  try {
    if (!(await api.access()).crm) {
      crmAccess.value = "refused";
      return;
    }
    crmAccess.value = "open";
    const now = nowMs.value ?? Date.now();
    const asked = [crm.segments(), crm.alerts({ from_ms: now - ALERTS_OVER_MS, to_ms: now + 1 })] as const;
    const [found, alerts] = await Promise.allSettled(asked); // what fails, its page says of itself
    if (found.status === "fulfilled") segments.value = found.value;
    if (alerts.status === "fulfilled") openAlerts.value = alerts.value.alerts.filter((alert) => alert.ended_ms === null);
  } catch (error) {
    if (needsLogin(error) || refused(error)) return;
  }
  timer = window.setTimeout(() => void followCrm(), EVERY_MS);
}

effect(() => {
  const wanted = Boolean(site.value?.crm) && !loginNeeded.value;
  clearTimeout(timer);
  crmAccess.value = wanted ? "asking" : "none";
  if (!wanted) return;
  void loadCrmWords();
  void followCrm();
});

function segmentOf(id: string): Segment | undefined {
  return [...(segments.value?.tiers ?? []), ...(segments.value?.clusters ?? [])].find((each) => each.id === id);
}

/** What a tier or cluster is called, where it is known. */
export function segmentName(id: string): string {
  const found = segmentOf(id);
  return found ? named(found.name) : id;
}

export function segmentChoices(of: "tiers" | "clusters"): Segment[] {
  return segments.value?.[of] ?? [];
}
