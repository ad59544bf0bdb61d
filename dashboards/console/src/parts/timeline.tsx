import { useMemo, useRef, useState } from "preact/hooks";

import { api } from "../api/client";
import type { Timeline as Course } from "../api/types";
import * as format from "../format";
import { t } from "../i18n";
import { backToLive, pastFailed, playing, showMoment, speed, SPEEDS, step } from "../past";
import { liveFrame, minuteMs, nowMs, pastAt, site } from "../state";
import { dayStart, MINUTE_MS } from "../time";
import { Segments } from "./controls";
import { useLoad, useWidth } from "./hooks";
import { Icon } from "./icon";

const WIDTH = 1000;
const HEIGHT = 40;
const HOUR_LABEL_PX = 72;
const REDRAW_MS = 5_000;
const TICKS_MIN = [1, 5, 10, 15, 30, 60, 120, 180, 360];
const QUARTER_MS = 15 * MINUTE_MS;

interface Range {
  from_ms: number;
  to_ms: number;
}

/** The part of the day in which anybody was there: hours when the mall is shut are not worth the room. */
function busyPart(course: Course | null, day: Range, now_ms: number): Range {
  const there = course?.t_ms.filter((_, i) => (course.people[i] ?? 0) >= 1) ?? [];
  const first = there[0] ?? day.from_ms;
  const from_ms = Math.max(day.from_ms, Math.floor((first - MINUTE_MS) / QUARTER_MS) * QUARTER_MS);
  const last = Math.max(there.at(-1) ?? 0, Math.min(now_ms, day.to_ms));
  return { from_ms, to_ms: Math.min(day.to_ms, Math.max(last, from_ms + QUARTER_MS)) };
}

function curve(course: Course, range: Range): { line: string; area: string } {
  const most = Math.max(...course.people.map((people) => people ?? 0), 1);
  const points = course.t_ms.flatMap((t_ms, i) => {
    const x = ((t_ms - range.from_ms) / (range.to_ms - range.from_ms)) * WIDTH;
    const y = HEIGHT - 2 - ((course.people[i] ?? 0) / most) * (HEIGHT - 6);
    return x < 0 || x > WIDTH ? [] : [`${x.toFixed(1)},${y.toFixed(1)}`];
  });
  if (points.length < 2) return { line: "", area: "" };
  const line = `M${points.join("L")}`;
  const [x0, x1] = [points[0], points.at(-1)].map((point) => point!.split(",")[0]);
  return { line, area: `${line}L${x1},${HEIGHT}L${x0},${HEIGHT}Z` };
}

/** The course with what is present now in place of the last minutes, which the store may not have yet. */
function upToNow(course: Course, now_ms: number): Course {
  const people = liveFrame.peek()?.present.people ?? null;
  if (people === null) return course;
  const stored = course.t_ms.findLastIndex((t_ms, i) => t_ms < now_ms - 2 * course.step_ms || (course.people[i] ?? 0) > 0);
  return {
    ...course,
    t_ms: [...course.t_ms.slice(0, stored + 1), now_ms],
    people: [...course.people.slice(0, stored + 1), people],
  };
}

/** Round times in the range, as many as there is room for. */
function ticks({ from_ms, to_ms }: Range, most: number): number[] {
  const minutes = TICKS_MIN.find((step) => (to_ms - from_ms) / (step * MINUTE_MS) <= most) ?? 720;
  const step = minutes * MINUTE_MS;
  const first = Math.ceil(from_ms / step) * step;
  return Array.from({ length: Math.max(Math.floor((to_ms - first) / step) + 1, 0) }, (_, i) => first + i * step);
}

/** Through the day of the mall, moment by moment. */
export function Timeline() {
  const [days, setDays] = useState(0);
  const track = useRef<HTMLDivElement>(null);
  const width = useWidth(track, nowMs.value !== null);
  const zone = site.value?.mall.timezone ?? "UTC";
  const now = nowMs.value;
  const from_ms = now === null ? 0 : dayStart(now, zone, days);
  const day = { from_ms, to_ms: now === null ? 1 : dayStart(now, zone, days + 1) };
  const key = now === null ? null : `${day.from_ms} ${days === 0 ? minuteMs.value : ""}`;
  const loaded = useLoad(key, () => api.timeline(day));
  const lately = now === null ? 0 : Math.ceil(now / REDRAW_MS) * REDRAW_MS;
  const range = useMemo(() => busyPart(loaded.data, day, lately), [loaded.data, day.from_ms, lately]);
  const { line, area } = useMemo(
    () => (loaded.data ? curve(days === 0 ? upToNow(loaded.data, now ?? 0) : loaded.data, range) : { line: "", area: "" }),
    [loaded.data, range],
  );
  if (now === null) return <div class="timeline" />;

  const moment = pastAt.value ?? now;
  const share = Math.min(Math.max((moment - range.from_ms) / (range.to_ms - range.from_ms), 0), 1);
  const hours = ticks(range, width / HOUR_LABEL_PX);

  const toMoment = (event: PointerEvent) => {
    const box = track.current!.getBoundingClientRect();
    const part = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
    showMoment(range.from_ms + part * (range.to_ms - range.from_ms));
  };
  const keys: Record<string, () => void> = {
    ArrowLeft: () => step(-MINUTE_MS),
    ArrowDown: () => step(-MINUTE_MS),
    ArrowRight: () => step(MINUTE_MS),
    ArrowUp: () => step(MINUTE_MS),
    PageDown: () => step(-15 * MINUTE_MS),
    PageUp: () => step(15 * MINUTE_MS),
    Home: () => showMoment(range.from_ms),
    End: backToLive,
  };
  const changeDay = (change: number) => {
    const next = Math.min(days + change, 0);
    setDays(next);
    if (next === 0) backToLive();
    else showMoment(dayStart(now, zone, next) + (moment - dayStart(moment, zone)));
  };

  return (
    <div class={`timeline ${pastAt.value === null ? "" : "timeline-past"}`}>
      <div class="timeline-buttons">
        <button
          type="button"
          class="round-button"
          aria-label={t(playing.value ? "time.pause" : "time.play")}
          title={t(playing.value ? "time.pause" : "time.play")}
          disabled={pastAt.value === null}
          onClick={() => (playing.value = !playing.value)}
        >
          <Icon name={playing.value ? "pause" : "play"} size={16} />
        </button>
        <div class="day-steps">
          <button type="button" aria-label={t("time.day.before")} title={t("time.day.before")} onClick={() => changeDay(-1)}>
            <Icon name="back" size={14} />
          </button>
          <div class="timeline-moment" aria-live="off">
            <b>{pastAt.value === null ? format.clock(now) : format.hourMinute(moment)}</b>
            <span>{format.day(moment)}</span>
          </div>
          <button type="button" aria-label={t("time.day.after")} title={t("time.day.after")} disabled={days === 0} onClick={() => changeDay(1)}>
            <Icon name="next" size={14} />
          </button>
        </div>
      </div>
      <div
        ref={track}
        id="timeline"
        class="timeline-track"
        role="slider"
        tabIndex={0}
        aria-label={t("time.label")}
        aria-valuemin={range.from_ms}
        aria-valuemax={range.to_ms}
        aria-valuenow={Math.round(moment)}
        aria-valuetext={pastAt.value === null ? t("time.live") : `${format.day(moment)} ${format.hourMinute(moment)}`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          playing.value = false;
          toMoment(event);
        }}
        onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && toMoment(event)}
        onKeyDown={(event) => {
          const action = keys[event.key];
          if (!action) return;
          event.preventDefault();
          event.stopPropagation();
          playing.value = false;
          action();
        }}
      >
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <path class="timeline-area" d={area} />
          <path class="timeline-line" d={line} vector-effect="non-scaling-stroke" />
        </svg>
        <div class="timeline-rest" style={{ left: `${share * 100}%` }} />
        <div class="timeline-thumb" style={{ left: `${share * 100}%` }} />
        <div class="timeline-hours" aria-hidden="true">
          {hours.map((hour_ms) => {
            const place = (hour_ms - range.from_ms) / (range.to_ms - range.from_ms);
            const edge = place * width < HOUR_LABEL_PX / 3 ? "first" : (1 - place) * width < HOUR_LABEL_PX / 3 ? "last" : "";
            return (
              <span key={hour_ms} class={edge} style={{ left: `${place * 100}%` }}>
                {format.hourMinute(hour_ms)}
              </span>
            );
          })}
        </div>
      </div>
      <div class="timeline-live">
        {pastAt.value === null ? (
          <span class="live-chip">
            <i class="pulse" />
            {t("time.live")}
          </span>
        ) : (
          <>
            {pastFailed.value && <Icon name="warning" size={16} />}
            <Segments
              label={t("time.speed")}
              options={SPEEDS.map((value) => ({ value, text: `${value}×` }))}
              value={speed.value}
              onChange={(value) => (speed.value = value)}
            />
            <button type="button" class="button primary" onClick={() => (setDays(0), backToLive())}>
              {t("time.back")}
            </button>
          </>
        )}
      </div>
    </div>
  );
}
