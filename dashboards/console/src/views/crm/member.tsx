import { useState } from "preact/hooks";

import { crm } from "../../api/crm";
import { PURPOSES, type Member, type Purpose } from "../../api/crm-types";
import * as format from "../../format";
import { counted, t } from "../../i18n";
import { Card, Loading } from "../../parts/controls";
import { Confirm, type Question } from "../../parts/dialog";
import { Field, Problem, Removable, useAction } from "../../parts/form";
import { useLoad } from "../../parts/hooks";
import { Icon } from "../../parts/icon";
import { kindName, MemberLink, SegmentTags } from "../../parts/member";
import { DataTable } from "../../parts/table";
import { addressOf, goTo } from "../../state";
import { GiveConsent } from "./give-consent";
import { Journey } from "./journey";

/** Everything about one member: what was agreed to, by what they are known, where they went. */
export function CrmMember({ reference }: { reference: string }) {
  const loaded = useLoad(reference, () => crm.member(reference));
  return (
    <>
      <a class="back" href={addressOf("crm-members")}>
        <Icon name="back" size={14} /> {t("crm.members.all")}
      </a>
      <Loading loaded={loaded}>{(member) => <Shown member={member} again={loaded.again} />}</Loading>
    </>
  );
}

function Shown({ member, again }: { member: Member; again: () => void }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const { reference } = member;
  const erase = () =>
    setQuestion({
      title: t("crm.erase.title", { member: reference }),
      points: [t("crm.erase.what"), t("crm.erase.ledger"), t("crm.erase.told"), t("crm.erase.final")],
      go: t("crm.erase.go"),
      typed: reference,
      act: () => crm.erase(reference).then(() => goTo("crm-members")),
    });
  const withdraw = (purpose: Purpose) =>
    setQuestion({
      title: t("crm.withdraw.title", { purpose: t(`purpose.${purpose}`) }),
      points: [t(`crm.withdraw.${purpose}`), t("crm.withdraw.told"), t("crm.withdraw.again")],
      go: t("crm.withdraw.go"),
      act: () => crm.consent({ reference, purpose, given: false, text: "withdrawal", channel: "console" }).then(again),
    });
  return (
    <>
      <section class="card member-head">
        <div>
          <h2 class="reference">{reference}</h2>
          {(member.tier !== null || member.segments.length > 0) && <SegmentTags tier={member.tier} segments={member.segments} />}
        </div>
        <dl class="member-facts">
          <div>
            <dt>{t("crm.members.visits")}</dt>
            <dd>{format.whole(member.visits)}</dd>
          </div>
          <div>
            <dt>{t("crm.members.last")}</dt>
            <dd>{format.moment(member.last_seen_ms)}</dd>
          </div>
        </dl>
        <div class="card-tools">
          <a class="button" href={crm.exportAddress(reference)} download={`member-${reference}.json`}>
            <Icon name="download" size={15} />
            {t("crm.export")}
          </a>
          <button type="button" class="button danger-outline" onClick={erase}>
            {t("crm.erase")}
          </button>
        </div>
      </section>
      <div class="two">
        <Consents member={member} onWithdraw={withdraw} again={again} />
        <Identity member={member} again={again} />
      </div>
      {member.consents.position || member.consents.parking || member.consents.marketing ? (
        <Journey reference={reference} />
      ) : (
        <Card title={t("crm.journey")}>
          <p class="empty">{t("crm.journey.consent")}</p>
        </Card>
      )}
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}

function Consents(props: { member: Member; onWithdraw: (purpose: Purpose) => void; again: () => void }) {
  const { member, onWithdraw, again } = props;
  const [giving, setGiving] = useState<Purpose | null>(null);
  const entries = [...member.consent_entries].sort((a, b) => b.entry - a.entry);
  return (
    <Card title={t("crm.consents")} hint={t("crm.consents.hint")}>
      <ul class="consents">
        {PURPOSES.map((purpose) => (
          <li key={purpose}>
            <i class={`dot ${member.consents[purpose] ? "dot-good" : ""}`} />
            <span>
              <b>{t(`purpose.${purpose}`)}</b>
              <small class="muted">{t(`purpose.${purpose}.what`)}</small>
            </span>
            {member.consents[purpose] ? (
              <button type="button" class="button" onClick={() => onWithdraw(purpose)}>
                {t("crm.withdraw")}
              </button>
            ) : (
              <button type="button" class="button" onClick={() => setGiving(purpose)}>
                {t("crm.consent.give")}
              </button>
            )}
          </li>
        ))}
      </ul>
      <details class="ledger">
        <summary>{counted("crm.ledger.count", entries.length)}</summary>
        <DataTable
          label={t("crm.ledger")}
          empty={t("crm.ledger.none")}
          rows={entries}
          keyOf={(row) => row.entry}
          columns={[
            { id: "t", head: t("crm.when"), cell: (row) => format.moment(row.t_ms) },
            { id: "purpose", head: t("crm.purpose"), cell: (row) => t(`purpose.${row.purpose}`) },
            { id: "given", head: t("crm.ledger.what"), cell: (row) => t(row.given ? "crm.given" : "crm.withdrawn") },
            { id: "text", head: t("crm.text"), cell: (row) => row.text },
            { id: "channel", head: t("crm.channel"), cell: (row) => row.channel },
          ]}
        />
      </details>
      <GiveConsent reference={member.reference} purpose={giving} onClose={() => setGiving(null)} onGiven={again} />
    </Card>
  );
}

function Identity({ member, again }: { member: Member; again: () => void }) {
  const kinds = Object.entries(member.identifiers).filter(([, n]) => n > 0);
  return (
    <Card title={t("crm.identifiers")} hint={t("crm.identifiers.hint")}>
      {kinds.length === 0 && <p class="muted">{t("crm.identifiers.none")}</p>}
      <dl class="facts">
        {kinds.map(([kind, n]) => (
          <div key={kind}>
            <dt>{kindName(kind)}</dt>
            <dd>{format.whole(n)}</dd>
          </div>
        ))}
      </dl>
      {member.conflicts.map((conflict) => (
        <p key={conflict.digest} class="conflict">
          <Icon name="warning" size={15} />
          <span>
            {t("crm.conflict.with", { kind: kindName(conflict.kind) })}{" "}
            {conflict.members
              .filter((other) => other.reference !== member.reference)
              .map((other) => (
                <MemberLink key={other.reference} reference={other.reference} />
              ))}
            {" · "}
            <a class="link" href={addressOf("crm-consent")}>
              {t("crm.conflict.solve")}
            </a>
          </span>
        </p>
      ))}
      {member.consents.marketing && <Tags member={member} again={again} />}
    </Card>
  );
}

function Tags({ member, again }: { member: Member; again: () => void }) {
  const [text, setText] = useState("");
  const { run, busy, problem } = useAction();
  const set = (tag: string, on: boolean) => run(() => crm.tag(member.reference, tag, on)).then((done) => done && (setText(""), again()));
  return (
    <div class="own-tags">
      <h3>{t("crm.tags")}</h3>
      <span class="tags">
        {member.tags.map((tag) => (
          <Removable key={tag} text={tag} onRemove={() => void set(tag, false)} />
        ))}
        {member.tags.length === 0 && <span class="muted">{t("crm.tags.none")}</span>}
      </span>
      <form
        class="inline-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim()) void set(text.trim(), true);
        }}
      >
        <Field label={t("crm.tags.new")} value={text} onChange={setText} />
        <button type="submit" class="button" disabled={busy || !text.trim()}>
          {t("crm.tags.add")}
        </button>
      </form>
      <Problem text={problem} />
    </div>
  );
}
