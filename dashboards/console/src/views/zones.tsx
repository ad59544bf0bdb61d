import { useMemo, useState } from "preact/hooks";

import { api } from "../api/client";
import type { Floor, Zone, ZoneFigures } from "../api/types";
import * as format from "../format";
import { category, named, t, type Key } from "../i18n";
import { Card, Loading, Search, Select } from "../parts/controls";
import { useLoad } from "../parts/hooks";
import { Icon } from "../parts/icon";
import { ZoneLink } from "../parts/place";
import { DataTable, sortedBy, type Column as TableColumn, type Sort } from "../parts/table";
import { saveTable } from "../save";
import { language } from "../settings";
import { minuteMs, period, periodName, site, zoneById } from "../state";
import { DwellChart, VisitsChart } from "./zone-charts";

export interface Row extends ZoneFigures {
  place: Zone;
  floor: Floor;
}

type Column = "visits" | "visitors" | "dwell_median_s" | "dwell_p90_s" | "dwell_mean_s" | "open";

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
      .sort((a, b) => named(a.place.name).localeCompare(named(b.place.name)))
      .filter((row) => `${row.place.name.en} ${row.place.name.zh} ${category(row.place.category)}`.toLowerCase().includes(sought));
  }, [rows, search, kind, level, language.value]);
  const kinds = [...new Set(rows.map((row) => row.place.kind))];
  const columns = useMemo(() => columnsOf(Math.max(...rows.map((row) => row.visits ?? 0), 1)), [rows, language.value]);
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
      <button type="button" class="button" onClick={() => download(sortedBy(columns, shown, sort))}>
        <Icon name="download" size={15} />
        CSV
      </button>
    </>
  );
  return (
    <Card title={t("zones.count", { n: format.whole(shown.length) })} tools={tools} class="table-card">
      <Loading loaded={loading}>
        {() => (
          <DataTable
            label={t("nav.zones")}
            columns={columns}
            rows={shown}
            keyOf={(row) => row.zone}
            sort={sort}
            onSort={setSort}
            empty={t("zones.none")}
          />
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

function columnsOf(most: number): TableColumn<Row>[] {
  return [
    {
      id: "name",
      head: t("zones.name"),
      by: (row) => named(row.place.name),
      cell: (row) => (
        <>
          <ZoneLink zone={row.zone} />
          <span class="muted">{category(row.place.category) || t(`kind.${row.place.kind}`)}</span>
        </>
      ),
    },
    { id: "floor", head: t("zones.floor"), by: (row) => row.floor.level, cell: (row) => <span class="tag">{row.floor.id}</span> },
    ...COLUMNS.map(
      ({ column, words, time }): TableColumn<Row> => ({
        id: column,
        head: t(words),
        number: true,
        by: (row) => row[column],
        title: (row) => (row.suppressed ? t("suppressed", { k: site.value?.k ?? "" }) : undefined),
        cell: (row) => (
          <>
            {cell(row, column, time)}
            {column === "visits" && (
              <span class="cell-bar">
                <i style={{ transform: `scaleX(${(row.visits ?? 0) / most})` }} />
              </span>
            )}
          </>
        ),
      }),
    ),
  ];
}

function download(rows: Row[]): void {
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
  saveTable(`zones-${new Date(period.value?.from_ms ?? 0).toISOString().slice(0, 10)}.csv`, head, lines);
}
