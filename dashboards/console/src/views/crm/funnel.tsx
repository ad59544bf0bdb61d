import type { Figure } from "../../api/crm-types";
import * as format from "../../format";
import { t } from "../../i18n";
import { WithInterval } from "../../parts/interval";
import { type Defined, Term, written } from "./figures";

/** The figures of which the funnel is made, from the street to the till. */
export const FUNNEL = new Set(["near", "visits", "came_in_share", "floor_share", "shop_share", "conversion", "receipts"]);

const STEP_PX = 64;
const GAP_PX = 6;
const WIDTH = 1000;
const NARROWEST = 10;

interface Step {
  /** What is told of the step. */
  figure: Figure;
  /** What part of those before got here, where that is a figure of its own. */
  share?: Figure | undefined;
  /** How many that are, for the drawing alone: shares are of visits. Null: withheld or not known. */
  width: number | null;
  /** Of those who came, how many got to each floor. */
  floors?: Figure[];
}

/** The steps that this mall has figures for. */
function stepsOf(figures: Figure[]): Step[] {
  const mall = (id: string) => figures.find((figure) => figure.id === id && figure.zone === null);
  const floors = figures.filter((figure) => figure.id === "floor_share" && figure.zone !== null);
  const [near, visits, shop, receipts] = [mall("near"), mall("visits"), mall("shop_share"), mall("receipts")];
  const part = (share: Figure) => (visits?.value && share.value !== null ? visits.value * share.value : null);
  const steps: (Step | undefined)[] = [
    near && { figure: near, width: near.value },
    visits && { figure: visits, share: mall("came_in_share"), width: visits.value },
    shop && { figure: shop, floors, width: part(shop) },
    receipts && { figure: receipts, share: mall("conversion"), width: receipts.value },
  ];
  return steps.filter((step) => step !== undefined);
}

/** Steps from the street to the till, each as wide as many got so far. */
export function Funnel({ figures, defined }: { figures: Figure[]; defined: Defined }) {
  const steps = stepsOf(figures);
  const most = Math.max(...steps.map(({ width }) => width ?? 0), 1);
  const widths = filled(steps.map(({ width }) => width)).map((width) => Math.max((width / most) * WIDTH, NARROWEST));
  const height = steps.length * STEP_PX - GAP_PX;
  return (
    <div class="funnel">
      <svg viewBox={`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none" style={{ height: `${height}px` }} role="img" aria-label={t("crm.funnel")}>
        {steps.map(({ figure }, i) => {
          const [upper, lower] = [widths[i]!, widths[i + 1] ?? widths[i]!];
          const [top, bottom] = [i * STEP_PX, (i + 1) * STEP_PX - GAP_PX];
          const points = `${(WIDTH - upper) / 2},${top} ${(WIDTH + upper) / 2},${top} ${(WIDTH + lower) / 2},${bottom} ${(WIDTH - lower) / 2},${bottom}`;
          return <polygon key={figure.id} class={figure.value === null ? "funnel-hidden" : "funnel-step"} points={points} style={{ opacity: 1 - i * 0.14 }} />;
        })}
      </svg>
      <ol>
        {steps.map(({ figure, share, floors }) => (
          <li key={figure.id}>
            <Term id={figure.id} defined={defined} />
            <WithInterval figure={figure} show={written(figure)} of={limit(figure)} />
            <span class="onward">
              {floors && floors.length > 1 && <Floors floors={floors} />}
              {share && share.value !== null && (
                <>
                  <Term id={share.id} defined={defined} /> {written(share)(share.value)}
                </>
              )}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** A step that nobody may know is drawn as wide as the one before it, the first as the one after. */
function filled(widths: (number | null)[]): number[] {
  let last = widths.find((width) => width !== null) ?? 0;
  return widths.map((width) => (last = width ?? last));
}

function limit(figure: Figure): number {
  return figure.unit === "share" ? 1 : (figure.high ?? figure.value ?? 1) * 1.15;
}

function Floors({ floors }: { floors: Figure[] }) {
  return (
    <span class="tags floors">
      {floors.map(({ zone, value, low, high, suppressed }) => (
        <span key={zone} class="tag" title={low !== null && high !== null ? t("interval", { low: format.finePercent(low), high: format.finePercent(high) }) : undefined}>
          {zone?.split(":")[1]} <b>{value === null ? (suppressed ? t("withheld") : format.NONE) : format.percent(value)}</b>
        </span>
      ))}
    </span>
  );
}
