import { useState } from "preact/hooks";

import { crm } from "../../api/crm";
import type { Rule, Segment } from "../../api/crm-types";
import { followCrm } from "../../crm";
import * as format from "../../format";
import { counted, named, t } from "../../i18n";
import { Card, Loading } from "../../parts/controls";
import { Problem, useAction } from "../../parts/form";
import { useLoad } from "../../parts/hooks";
import { zoneName } from "../../parts/place";
import { DataTable, type Column } from "../../parts/table";
import { minuteMs } from "../../state";

/** What kinds of members there are, and what they buy together. */
export function CrmSegments() {
  const [round, setRound] = useState(0);
  const loaded = useLoad(`${minuteMs.value} ${round}`, crm.segments);
  const rules = useLoad(`${minuteMs.value} ${round}`, crm.rules);
  const { run, busy, problem } = useAction();
  const fit = async () => {
    if (!(await run(crm.fit))) return;
    setRound((before) => before + 1);
    void followCrm();
  };
  const fitted = loaded.data?.fitted_ms;
  const tools = (
    <>
      <span class="hint">{fitted ? t("crm.fitted", { time: format.moment(fitted) }) : t("crm.fitted.never")}</span>
      <button type="button" class="button" disabled={busy} onClick={() => void fit()}>
        {busy && <i class="spinner" />}
        {t("crm.fit")}
      </button>
    </>
  );
  return (
    <>
      <Card title={t("crm.clusters")} hint={t("crm.clusters.hint")} tools={tools}>
        <Problem text={problem} />
        <Loading loaded={loaded} empty={(data) => data.clusters.length === 0 && t(data.fitted_ms === null ? "crm.clusters.none" : "crm.clusters.alike")}>
          {(data) => <Segmented segments={data.clusters} colours />}
        </Loading>
      </Card>
      <div class="two">
        <Card title={t("crm.tiers")} hint={t("crm.tiers.hint")}>
          <Loading loaded={loaded} empty={(data) => data.tiers.length === 0 && t("crm.clusters.none")}>
            {(data) => <Segmented segments={data.tiers} />}
          </Loading>
        </Card>
        <Card title={t("crm.rules")} hint={t("crm.rules.hint")} class="table-card">
          <Loading loaded={rules} empty={(data) => data.rules.length === 0 && t("crm.rules.none")}>
            {(data) => <Rules rules={data.rules} />}
          </Loading>
        </Card>
      </div>
    </>
  );
}

function Segmented({ segments, colours = false }: { segments: Segment[]; colours?: boolean }) {
  const most = Math.max(...segments.map(({ share }) => share ?? 0), 0.01);
  return (
    <ul class={`segmented ${colours ? "segmented-cards" : ""}`}>
      {segments.map((segment, i) => (
        <li key={segment.id}>
          <header>
            {colours && <i class={`swatch series-${(i % 8) + 1}`} />}
            <h3>{named(segment.name)}</h3>
            <b class="share">{segment.share === null ? t("withheld") : format.percent(segment.share)}</b>
          </header>
          <span class="cell-bar">
            <i style={{ transform: `scaleX(${(segment.share ?? 0) / most})` }} />
          </span>
          <p>{named(segment.description)}</p>
          <p class="muted">
            {segment.members === null ? t("crm.members.withheld") : counted("crm.members.n", segment.members)}
            {segment.stability !== null && segment.stability !== undefined && ` · ${stability(segment.stability)}`}
          </p>
        </li>
      ))}
    </ul>
  );
}

/** How alike a cluster comes out when fitted again, in words and as a number. */
function stability(value: number): string {
  const words = value >= 0.85 ? "crm.stable.very" : value >= 0.75 ? "crm.stable" : value >= 0.6 ? "crm.stable.loose" : "crm.stable.not";
  return `${t(words)} (${format.short(value)})`;
}

function Rules({ rules }: { rules: Rule[] }) {
  const names = (zones: string[]) => zones.map(zoneName).join(" + ");
  const columns: Column<Rule>[] = [
    {
      id: "rule",
      head: t("crm.rules.who"),
      cell: (rule) => (
        <span class="rule">
          {names(rule.antecedent)} <span class="arrow">→</span> {names(rule.consequent)}
        </span>
      ),
    },
    { id: "basket", head: t("crm.rules.basket"), by: (rule) => rule.basket, cell: (rule) => t(`crm.rules.${rule.basket}`) },
    { id: "lift", head: t("crm.rules.lift"), number: true, by: (rule) => rule.lift, cell: (rule) => lift(rule.lift) },
    { id: "confidence", head: t("crm.rules.confidence"), number: true, by: (rule) => rule.confidence, cell: (rule) => format.percent(rule.confidence) },
  ];
  return (
    <DataTable
      label={t("crm.rules")}
      columns={columns}
      rows={rules}
      keyOf={(rule) => `${rule.basket} ${rule.antecedent.join()}>${rule.consequent.join()}`}
      sort={{ column: "lift", down: true }}
      empty=""
      class="wrapping"
    />
  );
}

function lift(value: number): string {
  return value > 1.05 ? t("crm.rules.times", { n: format.short(value) }) : value < 0.95 ? t("crm.rules.less", { n: format.short(value) }) : t("crm.rules.same");
}
