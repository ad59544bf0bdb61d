import { NONE } from "../format";
import { t } from "../i18n";
import { site } from "../state";

/** A value on the line of its interval: `of` is where the line ends. */
export function IntervalBar(props: { value: number; low: number; high: number; of: number; from?: number }) {
  const start = props.from ?? 0;
  const at = (value: number) => `${(Math.min(Math.max((value - start) / (props.of - start || 1), 0), 1) * 100).toFixed(1)}%`;
  return (
    <svg class="interval" width="100%" height="10" aria-hidden="true">
      <line class="interval-line" x1="0" x2="100%" y1="5" y2="5" />
      <line class="interval-span" x1={at(props.low)} x2={at(props.high)} y1="5" y2="5" />
      <circle class="interval-value" cx={at(props.value)} cy="5" r="3" />
    </svg>
  );
}

/** A figure with its interval in words and as a bar; one that is withheld is "<k", one that nobody knows a dash. */
export function WithInterval(props: {
  figure: { value: number | null; low: number | null; high: number | null; suppressed: boolean } | undefined;
  show: (value: number) => string;
  of: number;
}) {
  const { figure, show, of } = props;
  if (!figure) return <>{NONE}</>;
  if (figure.suppressed)
    return (
      <span class="muted" title={t("suppressed", { k: site.value?.k ?? "" })}>
        {t("withheld")}
      </span>
    );
  if (figure.value === null) return <>{NONE}</>;
  const { value, low, high } = figure;
  return (
    <span class="with-interval">
      <b>{show(value)}</b>
      {low !== null && high !== null && low !== high && (
        <>
          <small>
            {show(low)}–{show(high)}
          </small>
          <IntervalBar value={value} low={low} high={high} of={of} />
        </>
      )}
    </span>
  );
}
