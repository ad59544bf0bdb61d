import type { CustomSeriesRenderItemAPI, CustomSeriesRenderItemParams } from "echarts";
import { useMemo } from "preact/hooks";

import * as format from "../format";
import { named, t } from "../i18n";
import { FONT } from "../map/colours";
import { axis, Chart, palette, tip, tooltip, type Option } from "../parts/chart";
import { dark, language } from "../settings";
import { goTo, selectZone } from "../state";
import type { Row } from "./zones";

const SHOWN = 15;
const ROW_PX = 26;

function frameOf(rows: Row[], value: (row: Row) => string): Option {
  const colours = palette();
  return {
    grid: { left: 8, right: 44, top: 4, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    xAxis: { type: "value", ...axis(colours, true), splitNumber: 4 },
    yAxis: {
      type: "category",
      inverse: true,
      data: rows.map((row) => row.zone),
      ...axis(colours, false),
      axisLabel: {
        color: colours.text,
        fontFamily: FONT,
        fontSize: 12,
        width: 118,
        overflow: "truncate",
        formatter: (id: string) => nameOf(rows, id),
      },
    },
    tooltip: {
      trigger: "axis",
      axisPointer: { type: "shadow", shadowStyle: { color: colours.line, opacity: 0.35 } },
      ...tooltip(colours),
      formatter: (hits: { dataIndex: number }[]) => {
        const row = rows[hits[0]?.dataIndex ?? 0];
        return row ? value(row) : "";
      },
    },
  };
}

function nameOf(rows: Row[], id: string): string {
  const row = rows.find((each) => each.zone === id);
  return row ? named(row.place.name) : id;
}

function toMap(id: string): void {
  selectZone(id);
  goTo("live");
}

export function VisitsChart({ rows }: { rows: Row[] }) {
  const best = useMemo(
    () => [...rows].filter((row) => row.visits !== null).sort((a, b) => b.visits! - a.visits!).slice(0, SHOWN),
    [rows],
  );
  const option = useMemo((): Option => {
    const colours = palette();
    return {
      ...frameOf(best, (row) =>
        tip(named(row.place.name), [
          { text: t("zones.visits"), value: format.whole(row.visits), series: 1 },
          { text: t("zones.visitors"), value: format.whole(row.visitors) },
        ]),
      ),
      series: [
        {
          type: "bar",
          data: best.map((row) => row.visits),
          barWidth: 12,
          itemStyle: { color: colours.accent, borderRadius: [0, 3, 3, 0] },
          label: {
            show: true,
            position: "right",
            color: colours.text2,
            fontFamily: FONT,
            fontSize: 11,
            formatter: ({ value }: { value: number }) => format.whole(value),
          },
        },
      ],
    };
  }, [best, dark.value, language.value]);
  return <Chart option={option} height={best.length * ROW_PX + 34} label={t("zones.chart.visits")} onClick={toMap} />;
}

export function DwellChart({ rows }: { rows: Row[] }) {
  const best = useMemo(
    () =>
      [...rows]
        .filter((row) => row.dwell_median_s !== null)
        .sort((a, b) => b.dwell_median_s! - a.dwell_median_s!)
        .slice(0, SHOWN),
    [rows],
  );
  const option = useMemo((): Option => {
    const colours = palette();
    const base = frameOf(best, (row) =>
      tip(named(row.place.name), [
        { text: t("zones.median"), value: format.duration(row.dwell_median_s), series: 2 },
        { text: t("zones.p90"), value: format.duration(row.dwell_p90_s) },
        { text: t("zones.mean"), value: format.duration(row.dwell_mean_s) },
      ]),
    );
    const x = base["xAxis"] as Record<string, unknown>;
    const label = x["axisLabel"] as Record<string, unknown>;
    return {
      ...base,
      xAxis: { ...x, axisLabel: { ...label, formatter: (minutes: number) => format.duration(minutes * 60) } },
      series: [
        {
          type: "bar",
          data: best.map((row) => row.dwell_median_s! / 60),
          barWidth: 12,
          itemStyle: { color: colours.second, borderRadius: [0, 3, 3, 0] },
        },
        {
          type: "custom",
          silent: true,
          z: 3,
          data: best.map((row, i) => [row.dwell_median_s! / 60, (row.dwell_p90_s ?? row.dwell_median_s!) / 60, i]),
          encode: { x: [0, 1], y: 2 },
          renderItem: (_: CustomSeriesRenderItemParams, given: CustomSeriesRenderItemAPI) => {
            const [x0 = 0, y = 0] = given.coord([given.value(0), given.value(2)]);
            const [x1 = 0] = given.coord([given.value(1), given.value(2)]);
            const style = { stroke: colours.text2, lineWidth: 1.5 };
            const line = (a: number, b: number, c: number, d: number) => ({
              type: "line" as const,
              shape: { x1: a, y1: b, x2: c, y2: d },
              style,
            });
            return { type: "group", children: [line(x0, y, x1, y), line(x1, y - 4, x1, y + 4)] };
          },
        },
      ],
    };
  }, [best, dark.value, language.value]);
  return <Chart option={option} height={best.length * ROW_PX + 34} label={t("zones.chart.dwell")} onClick={toMap} />;
}
