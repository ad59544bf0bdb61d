import { useState } from "preact/hooks";

import type { EventRow } from "../api/types";
import { openAlerts } from "../crm";
import { known, named, t } from "../i18n";
import { Card, Segments } from "../parts/controls";
import { EventList } from "../parts/eventlist";
import { Icon } from "../parts/icon";
import { addressOf, events, site } from "../state";

const KINDS = ["visit.started", "visit.ended", "path.ended"];
/** What the kinds of all events of the car park begin with. */
const CARS = "car";
const SHOWN = 200;

/** What happens, newest first. */
export function EventsView() {
  const [kind, setKind] = useState("");
  const [held, setHeld] = useState<EventRow[] | null>(null);
  const rows = (held ?? events.value).filter((row) => !kind || row.kind === kind || (kind === CARS && row.kind.startsWith(CARS)));
  const waiting = held ? events.value.filter((row) => row.cursor > (held[0]?.cursor ?? 0)).length : 0;
  const tools = (
    <>
      <Segments
        label={t("events.title")}
        value={kind}
        onChange={setKind}
        options={["", ...KINDS, ...(site.value?.car_park ? [CARS] : [])].map((value) => {
          const words = `events.${value}`;
          return { value, text: known(words) ? t(words) : t("events.all") };
        })}
      />
      <button type="button" class="button" aria-pressed={held !== null} onClick={() => setHeld(held ? null : events.value)}>
        <Icon name={held ? "play" : "pause"} size={14} />
        {t(held ? "events.resume" : "events.pause")}
        {waiting > 0 && <span class="tag">{t("events.waiting", { n: waiting })}</span>}
      </button>
    </>
  );
  return (
    <div class="page page-narrow">
      <Unusual />
      <Card title={t("events.title")} hint={t("events.hint")} tools={tools}>
        <EventList rows={rows.slice(0, SHOWN)} />
      </Card>
    </div>
  );
}

/** What the CRM team's alerts say is unusual now; others are not told of alerts. */
function Unusual() {
  if (openAlerts.value.length === 0) return null;
  return (
    <section class="unusual" aria-label={t("nav.crm-alerts")}>
      {openAlerts.value.map((alert) => (
        <a key={alert.alert} href={addressOf("crm-alerts")}>
          <Icon name="crm-alerts" size={16} />
          {named(alert.sentence)}
        </a>
      ))}
    </section>
  );
}
