import { useState } from "preact/hooks";

import { crm } from "../../api/crm";
import type { Webhook } from "../../api/crm-types";
import { segmentName } from "../../crm";
import * as format from "../../format";
import { t } from "../../i18n";
import { Card, Loading } from "../../parts/controls";
import { Confirm, Dialog, type Question } from "../../parts/dialog";
import { Problem, useAction } from "../../parts/form";
import { useClock, useLoad } from "../../parts/hooks";
import { Icon } from "../../parts/icon";
import { zoneName } from "../../parts/place";
import { DataTable } from "../../parts/table";
import { AddWebhook, eventName } from "./add-webhook";

const EVERY_MS = 5_000;
const TONES: Record<Webhook["state"], string> = { ok: "good", waiting: "warn", paused: "none" };

/** Who is told of events, and whether it arrives. */
export function CrmWebhooks() {
  const clock = useClock(EVERY_MS);
  const loaded = useLoad(`${Math.floor(clock.value / EVERY_MS)}`, crm.webhooks);
  const [adding, setAdding] = useState(false);
  const [question, setQuestion] = useState<Question | null>(null);
  const [dead, setDead] = useState<string | null>(null);
  const add = (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      <Icon name="plus" size={15} />
      {t("crm.webhook.add")}
    </button>
  );
  const remove = (webhook: Webhook) =>
    setQuestion({
      title: t("crm.webhook.remove.title"),
      points: [webhook.url, t("crm.webhook.remove.what")],
      go: t("crm.webhook.remove"),
      act: () => crm.removeWebhook(webhook.subscriber).then(loaded.again),
    });
  return (
    <>
      <Card title={t("nav.crm-webhooks")} hint={t("crm.webhooks.hint")} tools={add}>
        <Loading loaded={loaded} empty={(data) => data.length === 0 && t("crm.webhooks.none")}>
          {(data) => (
            <ul class="webhooks">
              {data.map((webhook) => (
                <Item
                  key={webhook.subscriber}
                  webhook={webhook}
                  now={clock.value}
                  again={loaded.again}
                  onDead={() => setDead(webhook.subscriber)}
                  onRemove={() => remove(webhook)}
                />
              ))}
            </ul>
          )}
        </Loading>
      </Card>
      <AddWebhook open={adding} onClose={() => setAdding(false)} onAdded={loaded.again} />
      <Confirm question={question} onClose={() => setQuestion(null)} />
      <Dialog title={t("crm.dead.title")} open={dead !== null} onClose={() => setDead(null)} class="dialog-wide">
        {dead && <DeadLetters subscriber={dead} again={loaded.again} />}
      </Dialog>
    </>
  );
}

function Item(props: { webhook: Webhook; now: number; again: () => void; onDead: () => void; onRemove: () => void }) {
  const { webhook, again } = props;
  const { run, busy, problem } = useAction();
  const [tried, setTried] = useState("");
  const paused = webhook.state === "paused";
  const pause = () => void run(() => crm.pauseWebhook(webhook.subscriber, !paused)).then((done) => done && again());
  const test = async () => {
    setTried("");
    await run(async () => {
      const { ok, reason, took_ms } = await crm.testWebhook(webhook.subscriber);
      setTried(ok ? t("crm.webhook.well", { time: format.delay(took_ms) }) : t("crm.webhook.badly", { why: reason ?? "" }));
    });
    again();
  };
  const wait = webhook.next_try_ms === null ? null : webhook.next_try_ms - props.now;
  return (
    <li class="webhook">
      <header>
        <span class={`state state-${TONES[webhook.state]}`}>
          <i class={`dot dot-${TONES[webhook.state]}`} />
          {t(`crm.webhook.${webhook.state}`)}
        </span>
        <h3>{webhook.subscriber}</h3>
        <span class="url">{webhook.url}</span>
      </header>
      <p class="muted">{filters(webhook)}</p>
      <dl class="webhook-facts">
        <div>
          <dt>{t("crm.webhook.waits")}</dt>
          <dd class={webhook.waiting > 0 && webhook.state === "waiting" ? "tone-warn" : ""}>{format.whole(webhook.waiting)}</dd>
        </div>
        <div>
          <dt>{t("crm.webhook.dead")}</dt>
          <dd class={webhook.dead > 0 ? "tone-bad" : ""}>{format.whole(webhook.dead)}</dd>
        </div>
        <div>
          <dt>{t("crm.webhook.last")}</dt>
          <dd>{format.moment(webhook.last_ok_ms)}</dd>
        </div>
        {wait !== null && !paused && (
          <div>
            <dt>{t("crm.webhook.next")}</dt>
            <dd>{wait <= 0 ? t("crm.webhook.now") : t("crm.webhook.in", { time: format.duration(wait / 1000) })}</dd>
          </div>
        )}
      </dl>
      {webhook.last_error && webhook.state !== "ok" && (
        <p class="webhook-error">
          <Icon name="warning" size={15} />
          {webhook.last_error}
        </p>
      )}
      <Problem text={problem} />
      <footer>
        <button type="button" class="button" disabled={busy} onClick={pause}>
          <Icon name={paused ? "play" : "pause"} size={14} />
          {t(paused ? "events.resume" : "events.pause")}
        </button>
        <button type="button" class="button" disabled={busy} onClick={() => void test()}>
          {t("crm.webhook.test")}
        </button>
        {webhook.dead > 0 && (
          <button type="button" class="button" onClick={props.onDead}>
            {t("crm.dead.show", { n: format.whole(webhook.dead) })}
          </button>
        )}
        <span class="muted" role="status">
          {tried}
        </span>
        <button type="button" class="button danger-outline last" onClick={props.onRemove}>
          {t("crm.webhook.remove")}
        </button>
      </footer>
    </li>
  );
}

function filters({ zones, kinds, segments }: Webhook): string {
  const all = [
    zones?.map(zoneName).join(", ") ?? t("crm.webhook.zones.all"),
    kinds?.map(eventName).join(", ") ?? t("crm.webhook.kinds.all"),
    segments?.map(segmentName).join(", ") ?? t("crm.webhook.segments.all"),
  ];
  return all.join(" · ");
}

function DeadLetters({ subscriber, again }: { subscriber: string; again: () => void }) {
  const [round, setRound] = useState(0);
  const loaded = useLoad(`${subscriber} ${round}`, () => crm.deadLetters(subscriber));
  const { run, busy, problem } = useAction();
  const replay = async () => {
    if (!(await run(() => crm.replayDead(subscriber)))) return;
    setRound((before) => before + 1);
    again();
  };
  return (
    <>
      <p class="hint">{t("crm.dead.hint")}</p>
      <Loading loaded={loaded} empty={(data) => data.dead.length === 0 && t("crm.dead.none")}>
        {(data) => (
          <>
            <DataTable
              label={t("crm.dead.title")}
              rows={data.dead}
              keyOf={(row) => row.seq}
              empty=""
              class="wrapping"
              columns={[
                { id: "kind", head: t("crm.dead.event"), cell: (row) => eventName(row.kind) },
                { id: "t", head: t("crm.when"), cell: (row) => format.moment(row.t_ms) },
                { id: "why", head: t("crm.dead.why"), cell: (row) => `${row.reason} (${t("crm.dead.attempts", { n: format.whole(row.attempts) })})` },
              ]}
            />
            <Problem text={problem} />
            <footer class="dialog-foot">
              <button type="button" class="button primary" disabled={busy || !data.dead.some((row) => row.kept)} onClick={() => void replay()}>
                {t("crm.dead.replay")}
              </button>
            </footer>
          </>
        )}
      </Loading>
    </>
  );
}
