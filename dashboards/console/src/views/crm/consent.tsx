import { useState } from "preact/hooks";

import { crm, type After } from "../../api/crm";
import { PURPOSES, type Purpose, type Said } from "../../api/crm-types";
import * as format from "../../format";
import { t } from "../../i18n";
import { Card, Loading, Segments } from "../../parts/controls";
import { Icon } from "../../parts/icon";
import { MemberLink } from "../../parts/member";
import { usePages } from "../../parts/pages";
import { DataTable, type Column } from "../../parts/table";
import { Conflicts } from "./conflicts";
import { GiveConsent } from "./give-consent";
import { ImportCard } from "./import";

/** The ledger of who agreed to what, identifiers that more than one claims, and how they come in. */
export function CrmConsent() {
  const [round, setRound] = useState(0);
  const again = () => setRound((before) => before + 1);
  return (
    <>
      <div class="two">
        <Conflicts round={round} />
        <ImportCard onDone={again} />
      </div>
      <Ledger key={`ledger ${round}`} />
    </>
  );
}

function Ledger() {
  const [purpose, setPurpose] = useState<Purpose | "">("");
  const [giving, setGiving] = useState(false);
  const pages = usePages(purpose || "all", (after: After) => crm.consents(purpose, after).then(({ consents, next }) => ({ rows: consents, next })));
  const tools = (
    <>
      <Segments
        label={t("crm.purpose")}
        value={purpose}
        onChange={setPurpose}
        options={[{ value: "" as const, text: t("events.all") }, ...PURPOSES.map((value) => ({ value, text: t(`purpose.${value}`) }))]}
      />
      <button type="button" class="button" onClick={() => setGiving(true)}>
        <Icon name="plus" size={14} />
        {t("crm.consent.record")}
      </button>
    </>
  );
  return (
    <Card title={t("crm.ledger")} hint={t("crm.ledger.hint")} tools={tools} class="table-card">
      <Loading loaded={pages} empty={(rows) => rows.length === 0 && t(purpose ? "crm.ledger.filtered" : "crm.ledger.none")}>
        {(rows) => (
          <>
            <DataTable
              label={t("crm.ledger")}
              columns={columns()}
              rows={rows}
              keyOf={(row) => row.entry}
              empty=""
            />
            {pages.more}
          </>
        )}
      </Loading>
      <GiveConsent purpose={giving ? purpose || "position" : null} onClose={() => setGiving(false)} onGiven={pages.again} />
    </Card>
  );
}

function columns(): Column<Said>[] {
  return [
    { id: "member", head: t("crm.member"), cell: (row) => <MemberLink reference={row.reference} /> },
    { id: "purpose", head: t("crm.purpose"), cell: (row) => t(`purpose.${row.purpose}`) },
    {
      id: "given",
      head: t("crm.ledger.what"),
      cell: (row) => (
        <span class={`state state-${row.given ? "good" : "warn"}`}>
          <i class={`dot dot-${row.given ? "good" : "warn"}`} />
          {t(row.given ? "crm.given" : "crm.withdrawn")}
        </span>
      ),
    },
    { id: "t", head: t("crm.when"), cell: (row) => format.moment(row.t_ms) },
    { id: "text", head: t("crm.text"), cell: (row) => row.text },
    { id: "channel", head: t("crm.channel"), cell: (row) => row.channel },
  ];
}
