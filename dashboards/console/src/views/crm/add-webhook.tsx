import { useState } from "preact/hooks";

import { crm } from "../../api/crm";
import { segmentChoices } from "../../crm";
import { known, named, t } from "../../i18n";
import { Dialog } from "../../parts/dialog";
import { Field, Problem, Several, useAction } from "../../parts/form";
import { Icon } from "../../parts/icon";
import { site } from "../../state";

/** Kinds of events as subscribers filter by them. */
const KINDS = [
  "visit.started",
  "visit.updated",
  "visit.ended",
  "path.ended",
  "car.entered",
  "car.left",
  "car_park.full_soon",
  "car_park.full",
  "car_park.free",
  "member.withdrawn",
  "kpi.unusual",
  "kpi.usual",
];

export function eventName(kind: string): string {
  const words = `events.${kind}`;
  return known(words) ? t(words) : kind;
}

/** The form for a new subscriber; after it, the secret, which is shown this once. */
export function AddWebhook({ open, onClose, onAdded }: { open: boolean; onClose: () => void; onAdded: () => void }) {
  const [secret, setSecret] = useState<string | null>(null);
  const close = () => {
    setSecret(null);
    onClose();
  };
  const added = (made: string) => {
    setSecret(made);
    onAdded();
  };
  return (
    <Dialog title={t(secret ? "crm.webhook.secret" : "crm.webhook.add")} open={open} onClose={close}>
      {secret === null ? <Form onClose={close} onAdded={added} /> : <Secret secret={secret} onClose={close} />}
    </Dialog>
  );
}

function Form({ onClose, onAdded }: { onClose: () => void; onAdded: (secret: string) => void }) {
  const [subscriber, setSubscriber] = useState("");
  const [url, setUrl] = useState("");
  const [inside, setInside] = useState(false);
  const [zones, setZones] = useState<string[]>([]);
  const [kinds, setKinds] = useState<string[]>([]);
  const [segments, setSegments] = useState<string[]>([]);
  const { run, busy, problem } = useAction();
  const some = (list: string[]) => (list.length > 0 ? list : null);
  const asked = { subscriber: subscriber.trim(), url: url.trim(), private: inside, zones: some(zones), kinds: some(kinds), segments: some(segments) };
  const submit = () => run(async () => onAdded((await crm.addWebhook(asked)).secret));
  const places = (site.value?.floors ?? []).flatMap((floor) => floor.zones).map((zone) => ({ value: zone.id, text: named(zone.name) }));
  const groups = [...segmentChoices("tiers"), ...segmentChoices("clusters")].map((each) => ({ value: each.id, text: named(each.name) }));
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Field label={t("crm.webhook.name")} hint={t("crm.webhook.name.hint")} value={subscriber} onChange={setSubscriber} required autofocus />
      <Field type="url" label={t("crm.webhook.url")} hint={t("crm.webhook.url.hint")} placeholder="https://" value={url} onChange={setUrl} required />
      <label class="check">
        <input type="checkbox" checked={inside} onChange={(event) => setInside(event.currentTarget.checked)} />
        {t("crm.webhook.private")}
      </label>
      <Several label={t("crm.webhook.zone")} any={t("crm.webhook.zones.all")} options={places} value={zones} onChange={setZones} />
      <Several
        label={t("crm.webhook.kind")}
        any={t("crm.webhook.kinds.all")}
        options={KINDS.map((value) => ({ value, text: eventName(value) }))}
        value={kinds}
        onChange={setKinds}
      />
      <Several label={t("crm.webhook.segment")} any={t("crm.webhook.segments.all")} options={groups} value={segments} onChange={setSegments} />
      <Problem text={problem} />
      <footer>
        <button type="button" class="button" onClick={onClose}>
          {t("confirm.cancel")}
        </button>
        <button type="submit" class="button primary" disabled={busy}>
          {t("crm.webhook.add.go")}
        </button>
      </footer>
    </form>
  );
}

function Secret({ secret, onClose }: { secret: string; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  const copy = () => void navigator.clipboard.writeText(secret).then(() => setCopied(true));
  return (
    <div class="form">
      <p>{t("crm.webhook.secret.once")}</p>
      <div class="secret">
        <code data-testid="secret">{secret}</code>
        {/* Browsers let pages at the clipboard on https and on this machine alone. */}
        {window.isSecureContext && (
          <button type="button" class="button" onClick={copy}>
            <Icon name={copied ? "check" : "copy"} size={14} />
            {t(copied ? "crm.webhook.copied" : "crm.webhook.copy")}
          </button>
        )}
      </div>
      <footer>
        <button type="button" class="button primary" onClick={onClose}>
          {t("crm.webhook.secret.done")}
        </button>
      </footer>
    </div>
  );
}
