import { useMemo, useState } from "preact/hooks";

import { crm } from "../../api/crm";
import type { Definition, Figure } from "../../api/crm-types";
import * as format from "../../format";
import { named, t } from "../../i18n";
import { Card, Loading, Segments } from "../../parts/controls";
import { useLoad } from "../../parts/hooks";
import { Explained } from "../../parts/hovered";
import { Icon } from "../../parts/icon";
import { WithInterval } from "../../parts/interval";
import { ZoneLink, zoneName } from "../../parts/place";
import { DataTable, type Column } from "../../parts/table";
import { saveTable } from "../../save";
import { language } from "../../settings";
import { minuteMs, period, periodName, site, zoneById } from "../../state";
import { Funnel, FUNNEL } from "./funnel";

/** The figures of shops come in groups: all of them side by side would be a table that nobody reads. */
const GROUPS = {
  visits: ["zone_visits", "zone_visitors", "shop_share", "visit_share"],
  time: ["dwell_median", "exposure", "exposure_share"],
  sales: ["receipts", "conversion", "revenue", "spend_per_visit", "sales_per_m2"],
};
type Group = keyof typeof GROUPS;
const FLOOR = "floor:";

/** A shop with its figures by their ids. */
export type ShopRow = { zone: string; figures: Map<string, Figure> };

/** What a web shop knows of itself: visitors, bounce, funnel, conversion, spend; every figure with its interval. */
export function CrmFigures() {
  const chosen = period.value;
  const key = chosen && `${chosen.from_ms} ${chosen.to_ms} ${periodName.value === "today" ? minuteMs.value : ""}`;
  const loaded = useLoad(key, () => crm.figures(period.value!));
  const definitions = useLoad("all", crm.definitions);
  const defined = useMemo(() => new Map((definitions.data ?? []).map((each) => [each.id, each])), [definitions.data]);
  const figures = loaded.data?.figures ?? [];
  const shops = useMemo(() => byShop(figures), [loaded.data]);
  const [group, setGroup] = useState<Group>("visits");
  const ids = GROUPS[group].filter((id) => shops.some((shop) => shop.figures.has(id)));
  const tools = (
    <>
      <Segments
        label={t("crm.figures.group")}
        value={group}
        onChange={setGroup}
        options={(Object.keys(GROUPS) as Group[]).map((value) => ({ value, text: t(`crm.figures.${value}`) }))}
      />
      <button type="button" class="button" disabled={shops.length === 0} onClick={() => download(figures)}>
        <Icon name="download" size={15} />
        CSV
      </button>
    </>
  );
  const ofMall = figures.filter(({ zone }) => zone === null);
  const funnel = figures.filter(({ zone, id }) => FUNNEL.has(id) && (zone === null || zone.startsWith(FLOOR)));
  return (
    <>
      <Loading loaded={loaded} height="7rem">
        {() => <Tiles figures={ofMall.filter(({ id }) => id === "visits" || !FUNNEL.has(id))} defined={defined} />}
      </Loading>
      {site.value && !site.value.people.calibrated && <p class="hint">{named(site.value.people.note)}</p>}
      <Card title={t("crm.funnel")} hint={t("crm.funnel.hint")}>
        <Loading loaded={loaded} height="16rem" empty={() => !funnel.some(({ value }) => value)}>
          {() => <Funnel figures={funnel} defined={defined} />}
        </Loading>
      </Card>
      <Card title={t("crm.figures.shops")} hint={t("crm.figures.hint")} tools={tools} class="table-card">
        <Loading loaded={loaded} empty={() => shops.length === 0}>
          {() => <Shops shops={shops} ids={ids} defined={defined} />}
        </Loading>
      </Card>
    </>
  );
}

export type Defined = ReadonlyMap<string, Definition>;

function byShop(figures: Figure[]): ShopRow[] {
  const found = new Map<string, Map<string, Figure>>();
  for (const figure of figures) {
    if (figure.zone === null || figure.zone.startsWith(FLOOR)) continue;
    if (!found.has(figure.zone)) found.set(figure.zone, new Map());
    found.get(figure.zone)!.set(figure.id, figure);
  }
  return [...found].map(([zone, mine]) => ({ zone, figures: mine }));
}

/** The name of a figure, which tells its definition while it is pointed at or focused. */
export function Term({ id, defined }: { id: string; defined: Defined }) {
  const found = defined.get(id);
  if (!found) return <>{id}</>;
  return <Explained text={named(found.definition)}>{named(found.name)}</Explained>;
}

/** How the values of a figure are written. */
export function written({ id, unit }: { id: string; unit: string }): (value: number) => string {
  if (unit === "share" || id === "conversion") return format.finePercent;
  if (unit === "s") return format.duration;
  if (unit === "h") return (value) => format.duration(value * 3600);
  if (unit.startsWith("money")) return format.money;
  return (value) => (Number.isInteger(value) || Math.abs(value) >= 100 ? format.whole(value) : format.short(value));
}

function Tiles({ figures, defined }: { figures: Figure[]; defined: Defined }) {
  return (
    <dl class="kpis kpis-cards figures">
      {figures.map((figure) => (
        <div key={figure.id} class="kpi">
          <dt>
            <Term id={figure.id} defined={defined} />
          </dt>
          <dd>
            <WithInterval figure={figure} show={written(figure)} of={(figure.high ?? figure.value ?? 0) * 1.15} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Shops({ shops, ids, defined }: { shops: ShopRow[]; ids: string[]; defined: Defined }) {
  const columns = useMemo((): Column<ShopRow>[] => {
    const most = new Map(ids.map((id) => [id, Math.max(...shops.map(({ figures }) => figures.get(id)?.high ?? figures.get(id)?.value ?? 0), 0)]));
    return [
      {
        id: "zone",
        head: t("zones.name"),
        by: ({ zone }) => zoneName(zone),
        cell: ({ zone }) => (
          <>
            <ZoneLink zone={zone} />
            <span class="muted">{zoneById(zone)?.floor.id}</span>
          </>
        ),
      },
      ...ids.map(
        (id): Column<ShopRow> => ({
          id,
          head: <Head id={id} defined={defined} />,
          number: true,
          by: ({ figures }) => figures.get(id)?.value ?? null,
          cell: ({ figures }) => <WithInterval figure={figures.get(id)} show={written({ id, unit: figures.get(id)?.unit ?? "" })} of={most.get(id) ?? 1} />,
        }),
      ),
    ];
  }, [shops, ids.join(), defined, language.value]);
  return (
    <DataTable
      label={t("crm.figures.shops")}
      columns={columns}
      rows={shops}
      key={ids.join()}
      keyOf={({ zone }) => zone}
      {...(ids[0] ? { sort: { column: ids[0], down: true } } : {})}
      empty=""
      class="figures-table"
    />
  );
}

/** In a table's head the button that sorts has the focus, so the words explain themselves by the pointer alone. */
function Head({ id, defined }: { id: string; defined: Defined }) {
  const found = defined.get(id);
  return <span title={found && named(found.definition)}>{found ? named(found.name) : id}</span>;
}

function download(figures: Figure[]): void {
  const lines = figures.map(({ id, zone, value, low, high, unit, n, suppressed }) => [zone, zone && zoneName(zone), id, value, low, high, unit, n, String(suppressed)]);
  const day = new Date(period.value?.from_ms ?? 0).toISOString().slice(0, 10);
  saveTable(`figures-${day}.csv`, ["zone", "name", "figure", "value", "low", "high", "unit", "n", "suppressed"], lines);
}
