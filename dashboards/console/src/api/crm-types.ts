/** What /api/v1/crm answers. Times are epoch milliseconds, shares and confidences 0 to 1. */

import type { Name } from "./types";

export const PURPOSES = ["position", "parking", "marketing"] as const;
export type Purpose = (typeof PURPOSES)[number];

export interface Present {
  reference: string;
  since_ms: number;
  zone: string | null;
  floor: string | null;
  confidence: number;
  /** Kinds of identifiers by which the member was recognised. */
  evidence: string[];
  tier: string | null;
  segments: string[];
  parked: boolean;
}

export interface MemberRow {
  reference: string;
  consents: Record<Purpose, boolean>;
  identifiers: Record<string, number>;
  last_seen_ms: number | null;
  visits: number;
  tier: string | null;
  segments: string[];
  tags: string[];
}

export interface Member extends MemberRow {
  consent_entries: ConsentEntry[];
  conflicts: Conflict[];
}

export interface ConsentEntry {
  entry: number;
  purpose: Purpose;
  given: boolean;
  t_ms: number;
  text: string;
  channel: string;
}

/** An entry, and whose it is. */
export interface Said extends ConsentEntry {
  reference: string;
}

/** Evidence that an identifier is a member's. */
export interface Claim {
  claim: number;
  reference: string;
  evidence: string;
}

/** An identifier that two members have about equally: nobody is matched by it. */
export interface Conflict {
  kind: string;
  digest: string;
  /** Likeliest first. */
  members: { reference: string; probability: number; evidence: string[] }[];
  claims: Claim[];
}

/** Two references that are one person; null where a member was erased. */
export interface Merge {
  merge: number;
  reference: string | null;
  into: string | null;
  t_ms: number;
  undone_ms: number | null;
}

export interface Step {
  zone: string;
  floor: string;
  started_ms: number;
  ended_ms: number | null;
  dwell_s: number;
  confidence: number;
}

export interface Purchase {
  t_ms: number;
  zone: string;
  amount: number;
  items: number;
}

export interface Visit {
  started_ms: number;
  ended_ms: number | null;
  steps: Step[];
  stay: { entered_ms: number | null; left_ms: number | null } | null;
  purchases: Purchase[];
}

export interface Segment {
  id: string;
  name: Name;
  description: Name;
  /** Null where there are fewer than k. */
  members: number | null;
  share: number | null;
  /** How alike it comes out when fitted again; null where that makes no sense. */
  stability?: number | null;
}

export interface Segments {
  tiers: Segment[];
  clusters: Segment[];
  fitted_ms: number | null;
}

export interface Rule {
  antecedent: string[];
  consequent: string[];
  /** What was bought by a member on a day, or where one was during a visit. */
  basket: "purchases" | "visits";
  support: number;
  confidence: number;
  lift: number;
}

export interface AudienceAsked {
  name: string;
  tier: string | null;
  cluster: string | null;
  tags: string[];
  zones: string[];
  days: number | null;
}

export interface Audience extends AudienceAsked {
  id: string;
  members: number | null;
  suppressed?: boolean;
}

export interface Figure {
  id: string;
  /** A zone, a floor as `floor:ID`, or null: the mall. */
  zone: string | null;
  value: number | null;
  low: number | null;
  high: number | null;
  unit: string;
  n: number | null;
  suppressed: boolean;
}

export interface Definition {
  id: string;
  name: Name;
  unit: string;
  definition: Name;
  /** How it is made; in English alone. */
  interval: string;
}

export interface Webhook {
  subscriber: string;
  url: string;
  /** It is in the mall's own network. */
  private: boolean;
  /** Null stands for all, here and below. */
  zones: string[] | null;
  kinds: string[] | null;
  segments: string[] | null;
  state: "ok" | "waiting" | "paused";
  waiting: number;
  dead: number;
  last_ok_ms: number | null;
  last_error: string | null;
  next_try_ms: number | null;
}

export interface DeadLetter {
  seq: number;
  kind: string;
  zone: string;
  t_ms: number;
  attempts: number;
  reason: string;
  /** Whether it can be sent again. */
  kept: boolean;
}

/** What became of the rows of an import. */
export interface Report {
  rows: number;
  taken: number;
  known: number;
  duplicates: number;
  no_consent: number;
  conflicts: number;
  bad_rows: number;
  /** The first hundred. */
  bad: { line: number; column: string; problem: string }[];
}

export interface Alert {
  alert: string;
  /** "mall" where it is the mall as a whole, or several zones at once. */
  zone: string;
  /** Those concerned, those with most visitors first. */
  zones: string[];
  kpi: "footfall" | "dwell" | "conversion";
  t_ms: number;
  ended_ms: number | null;
  /** Null where it is about fewer than k people. */
  value: number | null;
  usual: number;
  low: number;
  high: number;
  sentence: Name;
}
