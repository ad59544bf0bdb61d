import { useMemo } from "preact/hooks";

import { api } from "../api/client";
import type { FootfallHour } from "../api/types";
import * as format from "../format";
import { named, t } from "../i18n";
import { FONT } from "../map/colours";
import { axis, Chart, palette, tip, tooltip, type Option } from "../parts/chart";
import { Card, Loading } from "../parts/controls";
import { useLoad } from "../parts/hooks";
import { dark, language } from "../settings";
import { minuteMs, nowMs, period, periodName, site } from "../state";
import { DAY_MS, HOUR_MS, hourOfDay } from "../time";

/** How full the mall is, hour by hour. */
export function FootfallView() {
  const chosen = period.value;
  const key = chosen && `${chosen.from_ms} ${chosen.to_ms} ${periodName.value === "today" ? minuteMs.value : ""}`;
  const loaded = useLoad(key, () => api.footfall(period.value!));
  const hours = useMemo(() => open(loaded.data ?? []), [loaded.data]);
  const people = site.value?.people;
  const days = chosen ? (chosen.to_ms - chosen.from_ms) / DAY_MS : 1;
  return (
    <div class="page">
      <Loading loaded={loaded} height="30rem" empty={() => hours.length === 0}>
        {() => (
          <>
            <Summary hours={hours} long={days > 1.5} />
            <Card title={t("footfall.title")} hint={people ? `${t("footfall.hint")} · ${named(people.note)}` : t("footfall.hint")}>
              <HourChart hours={hours} long={days > 1.5} />
            </Card>
            <HourTable hours={hours} long={days > 1.5} />
          </>
        )}
      </Loading>
    </div>
  );
}

/** From the first hour in which anybody was there to the last. */
function open(hours: FootfallHour[]): FootfallHour[] {
  const there = (hour: FootfallHour) => hour.suppressed || (hour.people ?? 0) > 0 || (hour.arrivals ?? 0) > 0;
  return hours.slice(hours.findIndex(there), hours.findLastIndex(there) + 1);
}

function when(hour: FootfallHour, long: boolean): string {
  const span = `${format.hourMinute(hour.hour_ms)}–${format.hourMinute(hour.hour_ms + HOUR_MS)}`;
  return long ? `${format.day(hour.hour_ms)} ${span}` : span;
}

function Summary({ hours, long }: { hours: FootfallHour[]; long: boolean }) {
  const known = hours.filter((hour) => hour.people !== null);
  const peak = known.reduce<FootfallHour | null>((best, hour) => (best && best.people! >= hour.people! ? best : hour), null);
  const mean = known.length > 0 ? known.reduce((sum, hour) => sum + hour.people!, 0) / known.length : null;
  const arrivals = hours.reduce((sum, hour) => sum + (hour.arrivals ?? 0), 0);
  const facts = [
    { label: t("footfall.total"), value: format.whole(arrivals), hint: site.value?.people.arrivals_calibrated === false ? t("footfall.addresses") : "" },
    { label: t("footfall.peak"), value: peak ? when(peak, long) : format.NONE, hint: peak ? format.whole(peak.people) : "" },
    { label: t("footfall.mean"), value: format.whole(mean), hint: "" },
  ];
  return (
    <dl class="kpis kpis-cards">
      {facts.map(({ label, value, hint }) => (
        <div key={label} class="kpi">
          <dt>{label}</dt>
          <dd>
            <b>{value}</b>
            {hint && <span>{hint}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function HourChart({ hours, long }: { hours: FootfallHour[]; long: boolean }) {
  const option = useMemo((): Option => {
    const colours = palette();
    const zone = site.value?.mall.timezone ?? "UTC";
    const plain = axis(colours, true);
    const label = (index: number) => {
      const hour = hours[index]!;
      return long && hourOfDay(hour.hour_ms, zone) === hourOfDay(hours[0]!.hour_ms, zone)
        ? format.day(hour.hour_ms)
        : format.hourMinute(hour.hour_ms);
    };
    const category = { type: "category", boundaryGap: true, data: hours.map((_, i) => i), ...axis(colours, false) };
    const line = { type: "line", showSymbol: hours.length < 4, smooth: 0.25, xAxisIndex: 0, yAxisIndex: 0 };
    const name = { color: colours.text2, fontFamily: FONT, fontSize: 11, align: "left", padding: [0, 0, 6, -44] };
    return {
      grid: [
        { left: 44, right: 12, top: 28, height: 230 },
        { left: 44, right: 12, top: 306, height: 90 },
      ],
      axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: colours.line } },
      xAxis: [
        { ...category, gridIndex: 0, axisLabel: { show: false } },
        {
          ...category,
          gridIndex: 1,
          axisLabel: { ...(plain["axisLabel"] as object), hideOverlap: true, formatter: (index: string) => label(Number(index)) },
        },
      ],
      yAxis: [
        { type: "value", gridIndex: 0, name: t("footfall.people"), nameTextStyle: name, ...plain },
        { type: "value", gridIndex: 1, name: t("footfall.arrivals"), nameTextStyle: name, splitNumber: 2, ...plain },
      ],
      tooltip: {
        trigger: "axis",
        ...tooltip(colours),
        formatter: (hits: { dataIndex: number }[]) => {
          const hour = hours[hits[0]?.dataIndex ?? 0]!;
          return tip(when(hour, long), [
            { text: t("footfall.people"), value: format.people(hour.people, hour.suppressed), series: 1 },
            { text: t("footfall.band"), value: band(hour) },
            { text: t("footfall.arrivals"), value: format.people(hour.arrivals, hour.arrivals === null), series: 2 },
          ]);
        },
      },
      series: [
        { ...line, stack: "band", data: hours.map((hour) => hour.low), lineStyle: { opacity: 0 }, showSymbol: false, silent: true },
        {
          ...line,
          stack: "band",
          data: hours.map((hour) => (hour.high === null || hour.low === null ? null : hour.high - hour.low)),
          lineStyle: { opacity: 0 },
          showSymbol: false,
          areaStyle: { color: colours.accent, opacity: 0.2 },
          silent: true,
        },
        { ...line, data: hours.map((hour) => hour.people), lineStyle: { color: colours.accent, width: 2.5 }, itemStyle: { color: colours.accent } },
        {
          type: "bar",
          xAxisIndex: 1,
          yAxisIndex: 1,
          barMaxWidth: 28,
          data: hours.map((hour) => hour.arrivals),
          itemStyle: { color: colours.second, borderRadius: [3, 3, 0, 0] },
        },
      ],
    };
  }, [hours, long, dark.value, language.value]);
  return <Chart option={option} height={430} label={t("footfall.title")} />;
}

function band(hour: FootfallHour): string {
  return hour.low === null || hour.high === null ? format.NONE : `${format.whole(hour.low)}–${format.whole(hour.high)}`;
}

function HourTable({ hours, long }: { hours: FootfallHour[]; long: boolean }) {
  const now = nowMs.value ?? Infinity;
  return (
    <Card title={t("footfall.table")} class="table-card">
      <div class="table-scroll" tabIndex={0} role="region" aria-label={t("footfall.table")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("footfall.hour")}</th>
              <th scope="col" class="number">
                {t("footfall.people")}
              </th>
              <th scope="col" class="number">
                {t("footfall.interval")}
              </th>
              <th scope="col" class="number">
                {t("footfall.arrivals")}
              </th>
            </tr>
          </thead>
          <tbody>
            {[...hours].reverse().map((hour) => (
              <tr key={hour.hour_ms}>
                <td>
                  {when(hour, long)}
                  {hour.hour_ms + HOUR_MS > now && <span class="muted"> {t("footfall.sofar")}</span>}
                </td>
                <td class="number">{format.people(hour.people, hour.suppressed)}</td>
                <td class="number muted">{band(hour)}</td>
                <td class="number">{format.people(hour.arrivals, hour.arrivals === null)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
