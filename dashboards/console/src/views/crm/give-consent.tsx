import { useEffect, useState } from "preact/hooks";

import { crm } from "../../api/crm";
import { PURPOSES, type Purpose } from "../../api/crm-types";
import { t } from "../../i18n";
import { Dialog } from "../../parts/dialog";
import { Choice, Field, Problem, useAction } from "../../parts/form";

/** Write down what somebody has agreed to; without a reference, of anybody. `purpose` null: closed. */
export function GiveConsent(props: { reference?: string; purpose: Purpose | null; onClose: () => void; onGiven: () => void }) {
  return (
    <Dialog title={t("crm.consent.record")} open={props.purpose !== null} onClose={props.onClose}>
      {props.purpose && <Form {...props} first={props.purpose} />}
    </Dialog>
  );
}

function Form(props: { reference?: string; first: Purpose; onClose: () => void; onGiven: () => void }) {
  const [reference, setReference] = useState(props.reference ?? "");
  const [purpose, setPurpose] = useState<Purpose>(props.first);
  const [text, setText] = useState("");
  const [channel, setChannel] = useState("desk");
  const { run, busy, problem } = useAction();
  useEffect(() => setPurpose(props.first), [props.first]);
  const submit = async () => {
    const done = await run(() => crm.consent({ reference: reference.trim(), purpose, given: true, text: text.trim(), channel: channel.trim() }));
    if (!done) return;
    props.onGiven();
    props.onClose();
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {props.reference === undefined && (
        <Field label={t("crm.member")} hint={t("crm.member.hint")} value={reference} onChange={setReference} required />
      )}
      <Choice label={t("crm.purpose")} value={purpose} onChange={setPurpose} options={PURPOSES.map((value) => ({ value, text: t(`purpose.${value}`) }))} />
      <Field label={t("crm.text")} hint={t("crm.text.hint")} value={text} onChange={setText} required />
      <Field label={t("crm.channel")} value={channel} onChange={setChannel} choices={["desk", "app", "web", "paper"]} required />
      <Problem text={problem} />
      <footer>
        <button type="button" class="button" onClick={props.onClose}>
          {t("confirm.cancel")}
        </button>
        <button type="submit" class="button primary" disabled={busy}>
          {t("crm.consent.save")}
        </button>
      </footer>
    </form>
  );
}
