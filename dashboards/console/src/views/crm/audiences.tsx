import { useState } from "preact/hooks";

import { crm } from "../../api/crm";
import type { Audience, AudienceAsked } from "../../api/crm-types";
import { segmentChoices, segmentName } from "../../crm";
import * as format from "../../format";
import { named, t } from "../../i18n";
import { Card, IconButton, Loading } from "../../parts/controls";
import { Confirm, type Question } from "../../parts/dialog";
import { Choice, Field, Problem, Several, useAction } from "../../parts/form";
import { useLoad } from "../../parts/hooks";
import { Icon } from "../../parts/icon";
import { zoneName } from "../../parts/place";
import { DataTable, type Column } from "../../parts/table";
import { minuteMs, site } from "../../state";

const NOTHING: AudienceAsked = { name: "", tier: null, cluster: null, tags: [], zones: [], days: null };
const DAYS = [7, 14, 30, 90, 365];

/** Lists of members to write to: made by what they are and where they were. */
export function CrmAudiences() {
  const [round, setRound] = useState(0);
  const loaded = useLoad(`${minuteMs.value} ${round}`, crm.audiences);
  const [question, setQuestion] = useState<Question | null>(null);
  const again = () => setRound((before) => before + 1);
  const remove = (audience: Audience) =>
    setQuestion({
      title: t("crm.audience.remove", { name: audience.name }),
      points: [t("crm.audience.remove.what")],
      go: t("crm.audience.remove.go"),
      act: () => crm.removeAudience(audience.id).then(again),
    });
  return (
    <div class="list-and-form">
      <Card title={t("nav.crm-audiences")} hint={t("crm.audiences.hint")} class="table-card">
        <Loading loaded={loaded} empty={(data) => data.audiences.length === 0 && t("crm.audiences.none")}>
          {(data) => <DataTable label={t("nav.crm-audiences")} columns={columns(remove)} rows={data.audiences} keyOf={(row) => row.id} empty="" class="wrapping" />}
        </Loading>
      </Card>
      <Make onMade={again} />
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </div>
  );
}

function columns(onRemove: (audience: Audience) => void): Column<Audience>[] {
  return [
    {
      id: "name",
      head: t("crm.audience.name"),
      by: (row) => row.name,
      cell: (row) => (
        <>
          <b>{row.name}</b>
          <span class="muted">{inWords(row)}</span>
        </>
      ),
    },
    {
      id: "members",
      head: t("crm.audience.members"),
      number: true,
      by: (row) => row.members,
      title: (row) => (row.members === null ? t("suppressed", { k: site.value?.k ?? "" }) : undefined),
      cell: (row) => format.people(row.members, row.members === null),
    },
    {
      id: "csv",
      head: "",
      number: true,
      cell: (row) =>
        row.members === null ? (
          <span class="muted">{t("withheld")}</span>
        ) : (
          <a class="button" href={crm.audienceAddress(row.id)} download={`${row.name}.csv`}>
            <Icon name="download" size={15} />
            CSV
          </a>
        ),
    },
    {
      id: "remove",
      head: "",
      number: true,
      cell: (row) => <IconButton icon="close" label={t("remove", { what: row.name })} onClick={() => onRemove(row)} />,
    },
  ];
}

function inWords(asked: AudienceAsked): string {
  const zones = asked.zones.map(zoneName).join(", ");
  const parts = [
    asked.tier && segmentName(asked.tier),
    asked.cluster && segmentName(asked.cluster),
    ...asked.tags.map((tag) => `#${tag}`),
    zones && (asked.days ? t("crm.audience.zones.days", { zones, n: asked.days }) : t("crm.audience.zones", { zones })),
    !zones && asked.days ? t("crm.audience.days", { n: asked.days }) : "",
  ];
  return parts.filter(Boolean).join(" · ") || t("crm.audience.everyone");
}

function Make({ onMade }: { onMade: () => void }) {
  const [asked, setAsked] = useState(NOTHING);
  const [tags, setTags] = useState("");
  const { run, busy, problem } = useAction();
  const change = (part: Partial<AudienceAsked>) => setAsked((before) => ({ ...before, ...part }));
  const submit = async () => {
    const whole = { ...asked, name: asked.name.trim(), tags: tags.split(/[,，\s]+/).filter(Boolean) };
    if (!(await run(() => crm.makeAudience(whole)))) return;
    setAsked(NOTHING);
    setTags("");
    onMade();
  };
  const any = { value: "", text: t("crm.any") };
  const choices = (of: "tiers" | "clusters") => [any, ...segmentChoices(of).map((each) => ({ value: each.id, text: named(each.name) }))];
  const shops = (site.value?.floors ?? []).flatMap(({ zones }) => zones).filter(({ kind }) => kind === "shop" || kind === "facility");
  const zones = shops.map((zone) => ({ value: zone.id, text: named(zone.name) })).sort((a, b) => a.text.localeCompare(b.text));
  return (
    <Card title={t("crm.audience.make")} hint={t("crm.audience.make.hint")}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Field label={t("crm.audience.name")} value={asked.name} onChange={(name) => change({ name })} required />
        <div class="fields">
          <Choice label={t("crm.tier")} value={asked.tier ?? ""} onChange={(tier) => change({ tier: tier || null })} options={choices("tiers")} />
          <Choice label={t("crm.cluster")} value={asked.cluster ?? ""} onChange={(cluster) => change({ cluster: cluster || null })} options={choices("clusters")} />
        </div>
        <Field label={t("crm.tags")} hint={t("crm.audience.tags.hint")} value={tags} onChange={setTags} />
        <Several label={t("crm.audience.visited")} any={t("crm.audience.visited.add")} options={zones} value={asked.zones} onChange={(chosen) => change({ zones: chosen })} />
        <Choice
          label={t("crm.audience.within")}
          value={String(asked.days ?? "")}
          onChange={(days) => change({ days: days ? Number(days) : null })}
          options={[any, ...DAYS.map((n) => ({ value: String(n), text: t("crm.days", { n }) }))]}
        />
        <Problem text={problem} />
        <footer>
          <button type="submit" class="button primary" disabled={busy || !asked.name.trim()}>
            {t("crm.audience.go")}
          </button>
        </footer>
      </form>
    </Card>
  );
}
