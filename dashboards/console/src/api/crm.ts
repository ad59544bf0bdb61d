/** Questions about members; only a login of the CRM team gets answers. */

import { address, ask, type Period } from "./client";
import type {
  Alert,
  Audience,
  AudienceAsked,
  Conflict,
  DeadLetter,
  Definition,
  Figure,
  Member,
  MemberRow,
  Merge,
  Present,
  Purpose,
  Report,
  Rule,
  Said,
  Segments,
  Visit,
  Webhook,
} from "./crm-types";

export type Page<Rows> = Rows & { next: string | number | null };
export type After = string | number | undefined;

function path(...parts: string[]): string {
  return ["crm", ...parts.map(encodeURIComponent)].join("/");
}

function send<T>(method: "POST" | "PATCH" | "PUT" | "DELETE", to: string, body?: unknown): Promise<T> {
  return ask<T>(to, {}, { method, ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }) });
}

export const crm = {
  here: () => ask<{ t_ms: number; members: Present[]; conflicts: string[][] }>("crm/here"),

  members: (search: string, after?: After) =>
    ask<Page<{ members: MemberRow[] }>>("crm/members", { search: search || undefined, after, limit: 50 }),
  member: (reference: string) => ask<Member>(path("members", reference)),
  journey: (reference: string, period: Period) => ask<{ visits: Visit[] }>(path("members", reference, "journey"), period),
  exportAddress: (reference: string) => address(path("members", reference, "export")),
  erase: (reference: string) => send<{ deleted: Record<string, number> }>("DELETE", path("members", reference)),
  tag: (reference: string, tag: string, on: boolean) => send<unknown>(on ? "PUT" : "DELETE", path("members", reference, "tags", tag)),

  consent: (given: { reference: string; purpose: Purpose; given: boolean; text: string; channel: string }) =>
    send<unknown>("POST", "crm/consents", given),
  /** The ledger, newest first. */
  consents: (purpose: Purpose | "", after?: After) =>
    ask<Page<{ consents: Said[] }>>("crm/consents/newest", { purpose: purpose || undefined, after, limit: 50 }),
  conflicts: () => ask<{ conflicts: Conflict[] }>("crm/conflicts"),
  endClaim: (claim: number) => send<unknown>("DELETE", path("identifiers", String(claim))),
  merges: () => ask<{ merges: Merge[] }>("crm/merges"),
  merge: (reference: string, into: string) => send<unknown>("POST", "crm/merges", { reference, into, evidence: "console" }),
  unmerge: (merge: number) => send<unknown>("DELETE", path("merges", String(merge))),
  importIdentifiers: (csv: Blob) =>
    ask<Report>("crm/imports/identifiers", {}, { method: "POST", headers: { "Content-Type": "text/csv" }, body: csv }),

  segments: () => ask<Segments>("crm/segments"),
  fit: () => send<unknown>("POST", "crm/segments/fit"),
  rules: () => ask<{ rules: Rule[] }>("crm/rules"),
  audiences: () => ask<{ audiences: Audience[] }>("crm/audiences"),
  makeAudience: (asked: AudienceAsked) => send<Audience>("POST", "crm/audiences", asked),
  removeAudience: (id: string) => send<unknown>("DELETE", path("audiences", id)),
  audienceAddress: (id: string) => address(path("audiences", `${id}.csv`)),

  figures: (period: Period) => ask<{ figures: Figure[] }>("crm/figures", period),
  definitions: () => ask<Definition[]>("crm/figures/definitions"),

  webhooks: () => ask<Webhook[]>("crm/webhooks"),
  addWebhook: (asked: Pick<Webhook, "subscriber" | "url" | "private" | "zones" | "kinds" | "segments">) =>
    send<Webhook & { secret: string }>("POST", "crm/webhooks", asked),
  pauseWebhook: (subscriber: string, paused: boolean) => send<Webhook>("PATCH", path("webhooks", subscriber), { paused }),
  removeWebhook: (subscriber: string) => send<unknown>("DELETE", path("webhooks", subscriber)),
  testWebhook: (subscriber: string) => send<{ ok: boolean; reason: string | null; took_ms: number }>("POST", path("webhooks", subscriber, "test")),
  replayDead: (subscriber: string) => send<{ events: number }>("POST", path("webhooks", subscriber, "replay"), { dead: true }),
  deadLetters: (subscriber: string) => ask<{ dead: DeadLetter[] }>(path("webhooks", subscriber, "dead")),

  alerts: (period: Period) => ask<{ alerts: Alert[] }>("crm/alerts", period),
};
