import { useMemo, useState } from "preact/hooks";

import { api, GatewayError } from "../api/client";
import type { CarPark, CarParkArea, CarParkTimeline, FoundCar, StayFigures } from "../api/types";
import * as format from "../format";
import { named, t, type Key } from "../i18n";
import { FONT } from "../map/colours";
import { axis, Chart, palette, tip, tooltip, type Option } from "../parts/chart";
import { Card, Loading } from "../parts/controls";
import { useClock, useLoad } from "../parts/hooks";
import { Icon } from "../parts/icon";
import { dark, language } from "../settings";
import { minuteMs, needsLogin, period, periodName, site } from "../state";
import { DAY_MS, HOUR_MS } from "../time";

const EVERY_MS = 5_000;
const LIKELY = 0.5;
const POSSIBLE = 0.2;
/** As many characters as are no longer a coincidence; tokens are longer. */
const SHORTEST = 4;
const LONGEST_PLATE = 12;

/** How full the car park is, was, and will be; and where a car is. */
export function CarParkView() {
  const clock = useClock(EVERY_MS);
  const now = useLoad(`${Math.floor(clock.value / EVERY_MS)}`, api.carPark);
  const chosen = period.value;
  const key = chosen && `${chosen.from_ms} ${chosen.to_ms} ${periodName.value === "today" ? minuteMs.value : ""}`;
  const stays = useLoad(key, () => api.stays(period.value!));
  const chart = useLoad(key, () => api.carParkTimeline(period.value!));
  const long = chosen !== null && chosen.to_ms - chosen.from_ms > 1.5 * DAY_MS;
  return (
    <div class="page car-park">
      <Loading loaded={now} height="7rem">
        {(data) => <Tiles now={data} stays={stays.data} />}
      </Loading>
      <div class="two">
        <Card title={t("carpark.areas")} class="table-card">
          <Loading loaded={now} height="12rem">
            {(data) => <Areas now={data} />}
          </Loading>
        </Card>
        <FindCar />
      </div>
      <Card title={t(long ? "carpark.period" : "carpark.day")} hint={t("carpark.day.hint")}>
        <Loading loaded={chart} height="25rem" empty={(data) => data.cars.every((cars) => cars === null)}>
          {(data) => <DayChart data={long ? data : open(data)} long={long} />}
        </Loading>
      </Card>
    </div>
  );
}

function Tiles({ now, stays }: { now: CarPark; stays: StayFigures | null }) {
  const { whole, forecast } = now;
  const minutes = (value: number | null | undefined) => format.duration(value === null || value === undefined ? null : value * 60);
  const likely = forecast.within_30 >= LIKELY ? "kpi-bad" : forecast.within_30 >= POSSIBLE ? "kpi-warn" : "";
  const soon =
    forecast.minutes === 0
      ? t("carpark.forecast.now")
      : forecast.minutes !== null
        ? t("carpark.forecast.in", { time: minutes(forecast.minutes) })
        : t("carpark.forecast.hour", { percent: format.percent(forecast.within_60) });
  const tiles = [
    { label: t("carpark.cars"), value: format.whole(whole.cars), hint: t("interval", { low: format.whole(whole.low), high: format.whole(whole.high) }) },
    { label: t("carpark.free"), value: whole.full ? t("carpark.full") : format.whole(whole.free), hint: t("carpark.of", { n: format.whole(whole.capacity) }), tone: whole.full ? "kpi-bad" : "" },
    { label: t("carpark.forecast"), value: format.percent(forecast.within_30), hint: soon, tone: likely },
    { label: t("carpark.queue"), value: format.whole(whole.queue), hint: t("carpark.queue.hint") },
    {
      label: t("carpark.turnover"),
      value: stays?.turnover === null || stays === null ? format.NONE : format.short(stays.turnover),
      hint: stays ? t("carpark.turnover.hint", { n: format.people(stays.stays, stays.stays === null) }) : "",
    },
    {
      label: t("carpark.length"),
      value: minutes(stays?.length_median_min),
      hint: stays?.length_p90_min ? t("carpark.length.hint", { time: minutes(stays.length_p90_min) }) : "",
    },
  ];
  return (
    <dl class="kpis kpis-cards">
      {tiles.map(({ label, value, hint, tone }) => (
        <div key={label} class={`kpi ${tone ?? ""}`}>
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

function Areas({ now }: { now: CarPark }) {
  const plan = site.value?.car_park ?? [];
  const level = (id: string) => plan.find((area) => area.id === id)?.level ?? "";
  const columns: Key[] = ["carpark.cars", "carpark.interval", "carpark.capacity"];
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={t("carpark.areas")}>
      <table class="areas">
        <thead>
          <tr>
            <th scope="col">{t("carpark.area")}</th>
            <th scope="col" class="number">
              {t("carpark.free")}
            </th>
            <th scope="col">{t("carpark.used")}</th>
            {columns.map((words) => (
              <th key={words} scope="col" class="number">
                {t(words)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {now.areas.map((area) => (
            <AreaRow key={area.id} area={area} level={level(area.id)} />
          ))}
          {now.levels.map((area) => (
            <AreaRow key={`level ${area.id}`} area={area} level={t("carpark.level")} sum />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AreaRow({ area, level, sum = false }: { area: CarParkArea; level: string; sum?: boolean }) {
  const share = Math.min(area.cars / area.capacity, 1);
  return (
    <tr class={sum ? "sum" : ""}>
      <th scope="row">
        <b>{named(area.name)}</b>
        {level && level !== named(area.name) && <span class="muted">{level}</span>}
      </th>
      <td class="number">
        <b class={area.full ? "tone-bad" : ""}>{area.full ? t("carpark.full") : format.whole(area.free)}</b>
      </td>
      <td class="taken">
        <span class="taken-share">{format.percent(share)}</span>
        <span class={`cell-bar taken-bar ${area.full ? "taken-full" : ""}`}>
          <i style={{ transform: `scaleX(${share})` }} />
        </span>
      </td>
      <td class="number">{format.whole(area.cars)}</td>
      <td class="number muted">
        {format.whole(area.low)}–{format.whole(area.high)}
      </td>
      <td class="number">{format.whole(area.capacity)}</td>
    </tr>
  );
}

function FindCar() {
  const [sought, setSought] = useState("");
  const [found, setFound] = useState<FoundCar | null>(null);
  const [problem, setProblem] = useState<Key | null>(null);
  const [busy, setBusy] = useState(false);
  const find = async () => {
    const text = sought.trim();
    if (text.length < SHORTEST || busy) return;
    setBusy(true);
    setFound(null);
    setProblem(null);
    try {
      setFound(await api.findCar(text.length > LONGEST_PLATE ? { token: text } : { plate: text }));
    } catch (error) {
      if (!needsLogin(error)) setProblem(explained(error));
    }
    setBusy(false);
  };
  return (
    <Card title={t("carpark.find")} hint={t("carpark.find.hint")}>
      <form
        class="find-car"
        onSubmit={(event) => {
          event.preventDefault();
          void find();
        }}
      >
        <label class="search">
          <Icon name="search" size={15} />
          <span class="visually-hidden">{t("carpark.find.label")}</span>
          <input
            id="find"
            type="search"
            placeholder={t("carpark.find.label")}
            autocomplete="off"
            spellcheck={false}
            value={sought}
            onInput={(event) => setSought(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button" disabled={busy || sought.trim().length < SHORTEST}>
          {t("carpark.find.go")}
        </button>
      </form>
      <div class="find-answer" aria-live="polite">
        {found && (
          <p class="find-found">
            <Icon name="carpark" size={22} />
            <span>
              <b>{named(found.name)}</b>
              <span class="muted">
                {t(found.level ? "carpark.find.here" : "carpark.find.since", { level: found.level, time: format.hourMinute(found.entered_ms) })}
              </span>
            </span>
          </p>
        )}
        {problem && <p class="muted">{t(problem)}</p>}
      </div>
    </Card>
  );
}

function explained(error: unknown): Key {
  const status = error instanceof GatewayError ? error.status : null;
  if (status === 404 || status === 422) return "carpark.find.none";
  if (status === 409) return "carpark.find.several";
  return status === 429 ? "carpark.find.often" : "carpark.find.failed";
}

/** From the hour in which the first car moved: the night before says nothing. */
function open(data: CarParkTimeline): CarParkTimeline {
  const first = data.t_ms.findIndex((_, i) => data.entered[i]! + data.left[i]! > 0);
  const start = Math.max(first - Math.round(HOUR_MS / data.step_ms), 0);
  const cut = <T,>(column: T[]) => column.slice(start);
  return {
    ...data,
    t_ms: cut(data.t_ms),
    cars: cut(data.cars),
    low: cut(data.low),
    high: cut(data.high),
    entered: cut(data.entered),
    left: cut(data.left),
  };
}

function DayChart({ data, long }: { data: CarParkTimeline; long: boolean }) {
  const option = useMemo((): Option => {
    const colours = palette();
    const plain = axis(colours, true);
    const when = (index: number) => {
      const t_ms = data.t_ms[index] ?? 0;
      return long ? `${format.day(t_ms)} ${format.hourMinute(t_ms)}` : format.hourMinute(t_ms);
    };
    const label = (index: number) => (long ? format.day(data.t_ms[index] ?? 0) : format.hourMinute(data.t_ms[index] ?? 0));
    const category = { type: "category", data: data.t_ms.map((_, i) => i), ...axis(colours, false) };
    const line = { type: "line", showSymbol: false, xAxisIndex: 0, yAxisIndex: 0 };
    const bar = { type: "bar", xAxisIndex: 1, yAxisIndex: 1, stack: "flow" };
    const name = { color: colours.text2, fontFamily: FONT, fontSize: 11, align: "left", padding: [0, 0, 6, -44] };
    const band = data.high.map((high, i) => (high === null || data.low[i] === null ? null : high - data.low[i]!));
    return {
      grid: [
        { left: 44, right: 12, top: 28, height: 210 },
        { left: 44, right: 12, top: 286, height: 80 },
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
        { type: "value", gridIndex: 0, min: 0, name: t("carpark.cars"), nameTextStyle: name, ...plain },
        {
          type: "value",
          gridIndex: 1,
          name: `${t("carpark.in")} / ${t("carpark.out")}`,
          nameTextStyle: name,
          splitNumber: 2,
          ...plain,
          axisLabel: { ...(plain["axisLabel"] as object), formatter: (value: number) => format.whole(Math.abs(value)) },
        },
      ],
      tooltip: {
        trigger: "axis",
        ...tooltip(colours),
        formatter: (hits: { dataIndex: number }[]) => {
          const i = hits[0]?.dataIndex ?? 0;
          return tip(when(i), [
            { text: t("carpark.cars"), value: format.whole(data.cars[i]), series: 1 },
            { text: t("carpark.interval"), value: data.low[i] === null ? format.NONE : `${format.whole(data.low[i])}–${format.whole(data.high[i])}` },
            { text: t("carpark.in"), value: format.whole(data.entered[i]), series: 1 },
            { text: t("carpark.out"), value: format.whole(data.left[i]), series: 2 },
          ]);
        },
      },
      series: [
        { ...line, stack: "band", data: data.low, lineStyle: { opacity: 0 }, silent: true },
        { ...line, stack: "band", data: band, lineStyle: { opacity: 0 }, areaStyle: { color: colours.accent, opacity: 0.2 }, silent: true },
        { ...line, data: data.cars, lineStyle: { color: colours.accent, width: 2.5 }, itemStyle: { color: colours.accent } },
        { ...line, data: data.t_ms.map(() => data.capacity), lineStyle: { color: colours.text2, width: 1, type: "dashed" }, silent: true },
        { ...bar, data: data.entered, itemStyle: { color: colours.accent } },
        { ...bar, data: data.left.map((left) => -left), itemStyle: { color: colours.second } },
      ],
    };
  }, [data, long, dark.value, language.value]);
  return <Chart option={option} height={400} label={t("carpark.day")} />;
}
