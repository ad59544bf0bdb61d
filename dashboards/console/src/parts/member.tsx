import { segmentName } from "../crm";
import * as format from "../format";
import { known, t } from "../i18n";
import { addressOf } from "../state";

export function MemberLink({ reference }: { reference: string }) {
  return (
    <a class="reference" href={addressOf("crm-members", reference)}>
      {reference}
    </a>
  );
}

export function SegmentTags({ tier, segments, tags = [] }: { tier: string | null; segments: string[]; tags?: string[] }) {
  const others = segments.filter((id) => id !== tier);
  if (tier === null && others.length === 0 && tags.length === 0) return <span class="muted">{format.NONE}</span>;
  return (
    <span class="tags">
      {tier !== null && <span class="tag tag-tier">{segmentName(tier)}</span>}
      {others.map((id) => (
        <span key={id} class="tag">
          {segmentName(id)}
        </span>
      ))}
      {tags.map((tag) => (
        <span key={tag} class="tag tag-own">
          #{tag}
        </span>
      ))}
    </span>
  );
}

/** Of identifiers and of evidence, as the gateway calls them. */
export function kindName(kind: string): string {
  const words = `identifier.${kind}`;
  return known(words) ? t(words) : kind;
}

/** On what a claim rests, as the gateway calls it. */
export function evidenceName(evidence: string): string {
  const words = `evidence.${evidence}`;
  return known(words) ? t(words) : evidence;
}

/** How sure a match is, and by what. */
export function Sureness({ confidence, evidence }: { confidence: number; evidence: string[] }) {
  const words = confidence >= 0.95 ? "sure.very" : confidence >= 0.8 ? "sure.likely" : "sure.maybe";
  return (
    <span class="sureness">
      <span class={`state state-${confidence >= 0.95 ? "good" : confidence >= 0.8 ? "none" : "warn"}`}>
        {t(words)} · {format.percent(confidence)}
      </span>
      <small class="muted">{evidence.map(kindName).join(" + ")}</small>
    </span>
  );
}
