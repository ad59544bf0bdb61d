import { useState } from "preact/hooks";

import { crm } from "../../api/crm";
import type { Visit } from "../../api/crm-types";
import * as format from "../../format";
import { counted, t } from "../../i18n";
import { Card, Loading, Segments } from "../../parts/controls";
import { useLoad } from "../../parts/hooks";
import { Icon } from "../../parts/icon";
import { ZoneLink, zoneName } from "../../parts/place";
import { minuteMs } from "../../state";
import { DAY_MS, HOUR_MS } from "../../time";

const DAYS = [7, 30, 90];
/** Below it, how sure a step is is said. */
const SURE = 0.7;
/** A step narrower than this share of the visit has no room for its name. */
const ROOM = 0.11;

/** The member's visits, newest first, each as a line of time across zones. */
export function Journey({ reference }: { reference: string }) {
  const [days, setDays] = useState(30);
  const now = minuteMs.value;
  const key = now === null ? null : `${reference} ${days} ${now}`;
  const loaded = useLoad(key, () => crm.journey(reference, { from_ms: now! - days * DAY_MS, to_ms: now! + DAY_MS }));
  return (
    <Card
      title={t("crm.journey")}
      hint={t("crm.journey.hint")}
      tools={<Segments label={t("period.label")} value={days} onChange={setDays} options={DAYS.map((value) => ({ value, text: t("crm.days", { n: value }) }))} />}
    >
      <Loading loaded={loaded} empty={(data) => data.visits.length === 0 && t("crm.journey.none")}>
        {({ visits }) => (
          <ol class="journey">
            {[...visits]
              .sort((a, b) => b.started_ms - a.started_ms)
              .map((visit) => (
                <VisitItem key={visit.started_ms} visit={visit} now={now!} />
              ))}
          </ol>
        )}
      </Loading>
    </Card>
  );
}

function VisitItem({ visit, now }: { visit: Visit; now: number }) {
  const end = visit.ended_ms ?? Math.max(now, visit.started_ms);
  const spent = visit.purchases.reduce((sum, { amount }) => sum + amount, 0);
  const zones = new Set(visit.steps.map(({ zone }) => zone)).size;
  const bought = zones === 0 && visit.stay === null && visit.ended_ms !== null; // who agrees to marketing alone
  return (
    <li class="visit">
      <header>
        <h3>
          {format.day(visit.started_ms)}
          {!bought && ` · ${format.hourMinute(visit.started_ms)}–${visit.ended_ms === null ? t("crm.journey.still") : format.hourMinute(end)}`}
        </h3>
        <span class="muted">
          {bought ? t("crm.journey.bought") : `${format.duration((end - visit.started_ms) / 1000)} · ${counted("crm.journey.zones", zones)}`}
          {spent > 0 && ` · ${format.smallMoney(spent)}`}
        </span>
      </header>
      {!bought && <Track visit={visit} end={end} now={now} />}
      <ol class="steps">
        {happenings(visit).map(({ t_ms, what }, i) => (
          <li key={i}>
            <time>{format.hourMinute(t_ms)}</time>
            {what}
          </li>
        ))}
      </ol>
    </li>
  );
}

/** Zones as boxes on a line of time, the car below, purchases as marks. The list beneath says it in words. */
function Track({ visit, end, now }: { visit: Visit; end: number; now: number }) {
  const stay = visit.stay;
  const from = Math.min(visit.started_ms, stay?.entered_ms ?? Infinity);
  const to = Math.max(end, stay ? (stay.left_ms ?? now) : 0, ...visit.purchases.map(({ t_ms }) => t_ms), from + 1);
  const at = (t_ms: number) => `${(((t_ms - from) / (to - from)) * 100).toFixed(2)}%`;
  const wide = (start: number, stop: number) => `${((Math.max(stop - start, 0) / (to - from)) * 100).toFixed(2)}%`;
  return (
    <div class="track" aria-hidden="true">
      <div class="track-lane">
        {visit.steps.map((step) => {
          const stop = step.ended_ms ?? end;
          return (
            <span
              key={`${step.zone} ${step.started_ms}`}
              class={`track-step ${step.confidence < SURE ? "track-unsure" : ""}`}
              title={`${zoneName(step.zone)} · ${format.duration(step.dwell_s)} · ${format.percent(step.confidence)}`}
              style={{ left: at(step.started_ms), width: wide(step.started_ms, stop) }}
            >
              {(stop - step.started_ms) / (to - from) > ROOM && zoneName(step.zone)}
            </span>
          );
        })}
        {visit.purchases.map((purchase, i) => (
          <span key={i} class="track-sale" title={`${zoneName(purchase.zone)} · ${format.smallMoney(purchase.amount)}`} style={{ left: at(purchase.t_ms) }} />
        ))}
      </div>
      {stay && (
        <div class="track-lane track-car">
          <span class="track-stay" style={{ left: at(stay.entered_ms ?? from), width: wide(stay.entered_ms ?? from, stay.left_ms ?? to) }} />
        </div>
      )}
      <div class="track-hours">
        {hours(from, to).map((t_ms) => (
          <span key={t_ms} style={{ left: at(t_ms) }}>
            {format.hourMinute(t_ms)}
          </span>
        ))}
      </div>
    </div>
  );
}

/** Round moments between two, about six. */
function hours(from: number, to: number): number[] {
  const step = [HOUR_MS / 4, HOUR_MS / 2, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS].find((each) => (to - from) / each <= 6) ?? 8 * HOUR_MS;
  const found = [];
  for (let t_ms = Math.ceil(from / step) * step; t_ms <= to; t_ms += step) found.push(t_ms);
  return found;
}

/** Everything of a visit in words, in order. */
function happenings(visit: Visit) {
  const found = [
    ...visit.steps.map((step) => ({
      t_ms: step.started_ms,
      what: (
        <>
          <Icon name="enter" size={13} />
          <ZoneLink zone={step.zone} />
          <span class="tag">{step.floor}</span>
          <span class="muted">
            {format.duration(step.dwell_s)}
            {step.confidence < SURE && ` · ${t("crm.journey.unsure", { percent: format.percent(step.confidence) })}`}
          </span>
        </>
      ),
    })),
    ...visit.purchases.map((purchase) => ({
      t_ms: purchase.t_ms,
      what: (
        <>
          <Icon name="bag" size={13} />
          <span>
            {zoneName(purchase.zone)} <b>{format.smallMoney(purchase.amount)}</b>
          </span>
          <span class="muted">{counted("crm.journey.items", purchase.items)}</span>
        </>
      ),
    })),
    ...[
      { t_ms: visit.stay?.entered_ms, words: t("events.car.entered") },
      { t_ms: visit.stay?.left_ms, words: t("events.car.left") },
    ].flatMap(({ t_ms, words }) =>
      t_ms
        ? [
            {
              t_ms,
              what: (
                <>
                  <Icon name="carpark" size={13} />
                  <span>{words}</span>
                </>
              ),
            },
          ]
        : [],
    ),
  ];
  return found.sort((a, b) => a.t_ms - b.t_ms);
}
