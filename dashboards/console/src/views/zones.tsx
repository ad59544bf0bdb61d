import { useMemo, useState } from "preact/hooks";

import { api } from "../api/client";
import type { Floor, Zone, ZoneFigures } from "../api/types";
import * as format from "../format";
import { category, named, t, type Key } from "../i18n";
import { Card, Loading, Search, Select } from "../parts/controls";
import { useLoad } from "../parts/hooks";
import { Icon } from "../parts/icon";
import { language } from "../settings";
import { goTo, minuteMs, period, periodName, selectZone, site, zoneById } from "../state";
import { DwellChart, VisitsChart } from "./zone-charts";

export interface Row extends ZoneFigures {
  place: Zone;
  floor: Floor;
}

type Column = "visits" | "visitors" | "dwell_median_s" | "dwell_p90_s" | "dwell_mean_s" | "open";
type Sort = { column: Column | "name" | "floor"; down: boolean };

const COLUMNS: { column: Column; words: Key; time: boolean }[] = [
  { column: "visits", words: "zones.visits", time: false },
  { column: "visitors", words: "zones.visitors", time: false },
  { column: "dwell_median_s", words: "zones.median", time: true },
  { column: "dwell_p90_s", words: "zones.p90", time: true },
  { column: "dwell_mean_s", words: "zones.mean", time: true },
  { column: "open", words: "zones.open", time: false },
];

/** Visits and dwell of every zone in a period: as charts and as a table. */
export function ZonesView() {
  const chosen = period.value;
  const key = chosen && `${chosen.from_ms} ${chosen.to_ms} ${periodName.value === "today" ? minuteMs.value : ""}`;
  const loaded = useLoad(key, () => api.zones(period.value!));
  const rows = useMemo(
    () =>
      (loaded.data ?? []).flatMap((row): Row[] => {
        const place = zoneById(row.zone);
        return place ? [{ ...row, place: place.zone, floor: place.floor }] : [];
      }),
    [loaded.data, site.value],
  );
  const shops = rows.filter((row) => row.place.kind === "shop");
  return (
    <div class="page">
      <div class="two">
        <Card title={t("zones.chart.visits")} hint={t("zones.chart.visits.hint")}>
          <Loading loaded={loaded} height="27rem" empty={() => !shops.some((row) => row.visits)}>
            {() => <VisitsChart rows={shops} />}
          </Loading>
        </Card>
        <Card title={t("zones.chart.dwell")} hint={t("zones.chart.dwell.hint")}>
          <Loading loaded={loaded} height="27rem" empty={() => !shops.some((row) => row.dwell_median_s)}>
            {() => <DwellChart rows={shops} />}
          </Loading>
        </Card>
      </div>
      <ZoneTable rows={rows} loading={loaded} />
    </div>
  );
}

function ZoneTable({ rows, loading }: { rows: Row[]; loading: ReturnType<typeof useLoad<ZoneFigures[]>> }) {
  const [sort, setSort] = useState<Sort>({ column: "visits", down: true });
  const [search, setSearch] = useState("");
  const [kind, setKind] = useState("");
  const [level, setLevel] = useState("");
  const shown = useMemo(() => {
    const sought = search.trim().toLowerCase();
    return rows
      .filter((row) => (!kind || row.place.kind === kind) && (!level || row.floor.id === level))
      .filter((row) => `${row.place.name.en} ${row.place.name.zh} ${category(row.place.category)}`.toLowerCase().includes(sought))
      .sort(comparing(sort));
  }, [rows, sort, search, kind, level, language.value]);
  const most = Math.max(...rows.map((row) => row.visits ?? 0), 1);
  const kinds = [...new Set(rows.map((row) => row.place.kind))];
  const head = (column: Sort["column"], words: Key, numeric: boolean) => (
    <th
      scope="col"
      class={numeric ? "number" : ""}
      aria-sort={sort.column === column ? (sort.down ? "descending" : "ascending") : "none"}
    >
      <button type="button" onClick={() => setSort({ column, down: sort.column === column ? !sort.down : numeric })}>
        {t(words)}
        <span class="sort-mark">{sort.column === column && <Icon name={sort.down ? "down" : "up"} size={12} />}</span>
      </button>
    </th>
  );
  const tools = (
    <>
      <Search id="find" label={t("zones.search")} value={search} onChange={setSearch} />
      <Select
        label={t("zones.floor")}
        value={level}
        onChange={setLevel}
        options={[{ value: "", text: t("zones.floor.all") }, ...(site.value?.floors ?? []).map(({ id }) => ({ value: id, text: id }))]}
      />
      <Select
        label={t("zones.all")}
        value={kind}
        onChange={setKind}
        options={[{ value: "", text: t("zones.all") }, ...kinds.map((value) => ({ value, text: t(`kind.${value}`) }))]}
      />
      <button type="button" class="button" onClick={() => download(shown)}>
        <Icon name="download" size={15} />
        CSV
      </button>
    </>
  );
  return (
    <Card title={t("zones.count", { n: format.whole(shown.length) })} tools={tools} class="table-card">
      <Loading loaded={loading}>
        {() => (
          <div class="table-scroll" tabIndex={0} role="region" aria-label={t("nav.zones")}>
            <table>
              <thead>
                <tr>
                  {head("name", "zones.name", false)}
                  {head("floor", "zones.floor", false)}
                  {COLUMNS.map(({ column, words }) => head(column, words, true))}
                </tr>
              </thead>
              <tbody>
                {shown.map((row) => (
                  <tr key={row.zone}>
                    <th scope="row">
                      <button
                        type="button"
                        class="link-button"
                        onClick={() => {
                          selectZone(row.zone);
                          goTo("live");
                        }}
                      >
                        {named(row.place.name)}
                      </button>
                      <span class="muted">{category(row.place.category) || t(`kind.${row.place.kind}`)}</span>
                    </th>
                    <td>
                      <span class="tag">{row.floor.id}</span>
                    </td>
                    {COLUMNS.map(({ column, time }) => (
                      <td key={column} class="number" title={row.suppressed ? t("suppressed", { k: site.value?.k ?? "" }) : undefined}>
                        {cell(row, column, time)}
                        {column === "visits" && (
                          <span class="cell-bar">
                            <i style={{ transform: `scaleX(${(row.visits ?? 0) / most})` }} />
                          </span>
                        )}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
            {shown.length === 0 && <p class="empty">{t("zones.none")}</p>}
          </div>
        )}
      </Loading>
    </Card>
  );
}

/** A withheld count is "<k"; a dwell that cannot be given because of it, or that nobody has yet, is a dash. */
function cell(row: Row, column: Column, time: boolean): string {
  if (time) return format.duration(row[column]);
  return format.people(row[column], row.suppressed && row[column] === null);
}

/** Missing figures come last whichever way the table is sorted. */
function comparing({ column, down }: Sort): (a: Row, b: Row) => number {
  const sign = down ? -1 : 1;
  const name = (row: Row) => named(row.place.name);
  if (column === "name") return (a, b) => sign * name(a).localeCompare(name(b));
  if (column === "floor") return (a, b) => sign * (a.floor.level - b.floor.level) || name(a).localeCompare(name(b));
  return (a, b) => {
    const [x, y] = [a[column], b[column]];
    if (x === null || y === null) return Number(x === null) - Number(y === null) || name(a).localeCompare(name(b));
    return sign * (x - y) || name(a).localeCompare(name(b));
  };
}

function download(rows: Row[]): void {
  const quoted = (value: string | number | null) => `"${String(value ?? "").replaceAll('"', '""')}"`;
  const head = ["zone", "name", "floor", "kind", "category", ...COLUMNS.map(({ column }) => column), "suppressed"];
  const lines = rows.map((row) => [
    row.zone,
    named(row.place.name),
    row.floor.id,
    row.place.kind,
    row.place.category,
    ...COLUMNS.map(({ column }) => row[column]),
    String(row.suppressed),
  ]);
  const text = [head, ...lines].map((line) => line.map(quoted).join(",")).join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
  link.download = `zones-${new Date(period.value?.from_ms ?? 0).toISOString().slice(0, 10)}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}
