import { useState } from "preact/hooks";

import { crm } from "../../api/crm";
import type { Conflict, Merge } from "../../api/crm-types";
import * as format from "../../format";
import { t } from "../../i18n";
import { Card, Loading } from "../../parts/controls";
import { Confirm, type Question } from "../../parts/dialog";
import { useLoad } from "../../parts/hooks";
import { Icon } from "../../parts/icon";
import { evidenceName, kindName, MemberLink } from "../../parts/member";

/** Identifiers that two members have about equally, and what solves it: never guessed. */
export function Conflicts({ round }: { round: number }) {
  const loaded = useLoad(`${round}`, crm.conflicts);
  const merges = useLoad(`${round}`, crm.merges);
  const [question, setQuestion] = useState<Question | null>(null);
  const again = () => {
    loaded.again();
    merges.again();
  };
  const merge = (into: string, from: string) =>
    setQuestion({
      title: t("crm.merge.title"),
      points: [t("crm.merge.what", { from, into }), t("crm.merge.when"), t("crm.merge.undoable")],
      go: t("crm.merge.go"),
      act: () => crm.merge(from, into).then(again),
    });
  const end = (conflict: Conflict, reference: string) =>
    setQuestion({
      title: t("crm.end.title", { member: reference, kind: kindName(conflict.kind) }),
      points: [t("crm.end.what", { member: reference }), t("crm.end.kept")],
      go: t("crm.end.go"),
      act: () => Promise.all(conflict.claims.filter((claim) => claim.reference === reference).map(({ claim }) => crm.endClaim(claim))).then(again),
    });
  const done = (merges.data?.merges ?? []).filter((one) => one.undone_ms === null);
  return (
    <Card title={t("crm.conflicts")} hint={t("crm.conflicts.hint")}>
      <Loading loaded={loaded} height="6rem" empty={(data) => data.conflicts.length === 0 && t("crm.conflicts.none")}>
        {(data) => (
          <ul class="conflicts">
            {data.conflicts.map((conflict) => (
              <Item key={conflict.digest} conflict={conflict} onMerge={merge} onEnd={(reference) => end(conflict, reference)} />
            ))}
          </ul>
        )}
      </Loading>
      {done.length > 0 && <Merged merges={done} again={again} onAsk={setQuestion} />}
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </Card>
  );
}

function Item(props: { conflict: Conflict; onMerge: (into: string, from: string) => void; onEnd: (reference: string) => void }) {
  const { conflict, onMerge, onEnd } = props;
  const [first, second] = conflict.members;
  return (
    <li>
      <header>
        <Icon name="warning" size={16} />
        <b>{kindName(conflict.kind)}</b>
        {first && second && (
          <button type="button" class="button" onClick={() => onMerge(first.reference, second.reference)}>
            {t("crm.merge")}
          </button>
        )}
      </header>
      {conflict.members.map(({ reference, probability, evidence }) => (
        <p key={reference}>
          <MemberLink reference={reference} />
          <span class="muted">
            {format.percent(probability)} · {evidence.map(evidenceName).join(" + ")}
          </span>
          <button type="button" class="link" onClick={() => onEnd(reference)}>
            {t("crm.end")}
          </button>
        </p>
      ))}
    </li>
  );
}

function Merged({ merges, again, onAsk }: { merges: Merge[]; again: () => void; onAsk: (question: Question) => void }) {
  const undo = (merge: Merge) =>
    onAsk({
      title: t("crm.unmerge.title"),
      points: [t("crm.unmerge.what", { from: merge.reference ?? "", into: merge.into ?? "" })],
      go: t("crm.unmerge.go"),
      act: () => crm.unmerge(merge.merge).then(again),
    });
  return (
    <details class="ledger">
      <summary>{t("crm.merges.count", { n: format.whole(merges.length) })}</summary>
      <ul class="conflicts">
        {merges.map((merge) => (
          <li key={merge.merge}>
            <p>
              <span>
                {merge.reference ?? t("crm.erased")} <span class="arrow">→</span> {merge.into ?? t("crm.erased")}
              </span>
              <span class="muted">{format.moment(merge.t_ms)}</span>
              <button type="button" class="link" onClick={() => undo(merge)}>
                {t("crm.unmerge")}
              </button>
            </p>
          </li>
        ))}
      </ul>
    </details>
  );
}
