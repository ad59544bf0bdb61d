import { useMemo, useState } from "preact/hooks";

import { crm } from "../../api/crm";
import type { Present } from "../../api/crm-types";
import { segmentName } from "../../crm";
import * as format from "../../format";
import { t } from "../../i18n";
import { Card, Loading, Search, Select } from "../../parts/controls";
import { useClock, useLoad } from "../../parts/hooks";
import { Icon } from "../../parts/icon";
import { MemberLink, SegmentTags, Sureness } from "../../parts/member";
import { ZoneLink, zoneName } from "../../parts/place";
import { DataTable, type Column } from "../../parts/table";
import { language } from "../../settings";
import { site } from "../../state";

const EVERY_MS = 5_000;

/** Which members are in the mall now. */
export function CrmHere() {
  const clock = useClock(EVERY_MS);
  const loaded = useLoad(`${Math.floor(clock.value / EVERY_MS)}`, crm.here);
  const [search, setSearch] = useState("");
  const [level, setLevel] = useState("");
  const members = loaded.data?.members ?? [];
  const sought = search.trim().toLowerCase();
  const shown = members.filter((row) => (!level || row.floor === level) && words(row).includes(sought));
  const now = loaded.data?.t_ms ?? 0;
  const columns = useMemo(() => columnsAt(now), [now, language.value]);
  const tools = (
    <>
      <Search id="find" label={t("crm.here.search")} value={search} onChange={setSearch} />
      <Select
        label={t("zones.floor")}
        value={level}
        onChange={setLevel}
        options={[{ value: "", text: t("zones.floor.all") }, ...(site.value?.floors ?? []).map(({ id }) => ({ value: id, text: id }))]}
      />
    </>
  );
  return (
    <>
      <Tiles members={members} now={now} loaded={loaded.data !== null} />
      <Card title={t("crm.here.title")} hint={t("crm.here.hint")} tools={tools} class="table-card">
        {loaded.data?.conflicts.map((references) => (
          <p key={references.join()} class="conflict">
            <Icon name="warning" size={15} />
            <span>
              {t("crm.here.conflict")}{" "}
              {references.map((reference) => (
                <MemberLink key={reference} reference={reference} />
              ))}
            </span>
          </p>
        ))}
        <Loading loaded={loaded} empty={(data) => data.members.length === 0 && t("crm.here.none")}>
          {() => (
            <DataTable
              label={t("crm.here.title")}
              columns={columns}
              rows={shown}
              keyOf={(row) => row.reference}
              sort={{ column: "since", down: true }}
              empty={t("crm.nothing.matches")}
            />
          )}
        </Loading>
      </Card>
    </>
  );
}

function words(row: Present): string {
  const names = [row.tier, ...row.segments].map((id) => (id === null ? "" : segmentName(id)));
  return [row.reference, row.zone ? zoneName(row.zone) : "", ...names].join(" ").toLowerCase();
}

function Tiles({ members, now, loaded }: { members: Present[]; now: number; loaded: boolean }) {
  const stays = members.map((row) => now - row.since_ms).sort((a, b) => a - b);
  const middle = stays[Math.floor(stays.length / 2)];
  const tiles = [
    { label: t("crm.here.count"), value: format.whole(members.length) },
    { label: t("crm.here.placed"), value: format.whole(members.filter((row) => row.zone !== null).length) },
    { label: t("crm.here.parked"), value: format.whole(members.filter((row) => row.parked).length) },
    { label: t("crm.here.stay"), value: format.duration(middle === undefined ? null : middle / 1000) },
  ];
  return (
    <dl class="kpis kpis-cards">
      {tiles.map(({ label, value }) => (
        <div key={label} class="kpi">
          <dt>{label}</dt>
          <dd>
            <b>{loaded ? value : format.NONE}</b>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function columnsAt(now: number): Column<Present>[] {
  return [
    { id: "reference", head: t("crm.member"), by: (row) => row.reference, cell: (row) => <MemberLink reference={row.reference} /> },
    {
      id: "since",
      head: t("crm.here.since"),
      by: (row) => row.since_ms,
      number: true,
      cell: (row) => (
        <span class="stacked">
          {format.hourMinute(row.since_ms)}
          <small class="muted">{format.duration((now - row.since_ms) / 1000)}</small>
        </span>
      ),
    },
    {
      id: "zone",
      head: t("crm.here.where"),
      by: (row) => (row.zone === null ? null : zoneName(row.zone)),
      cell: (row) =>
        row.zone === null ? (
          <span class="muted">{t(row.parked ? "crm.here.car" : "crm.here.between")}</span>
        ) : (
          <span class="where">
            <ZoneLink zone={row.zone} />
            {row.floor && <span class="tag">{row.floor}</span>}
          </span>
        ),
    },
    { id: "tier", head: t("crm.segments"), by: (row) => row.tier, cell: (row) => <SegmentTags tier={row.tier} segments={row.segments} /> },
    {
      id: "confidence",
      head: t("crm.here.sure"),
      by: (row) => row.confidence,
      cell: (row) => <Sureness confidence={row.confidence} evidence={row.evidence} />,
    },
    {
      id: "parked",
      head: t("crm.here.car.head"),
      by: (row) => Number(row.parked),
      cell: (row) =>
        row.parked && (
          <span class="with-icon">
            <Icon name="carpark" size={16} />
            {t("crm.here.parked.yes")}
          </span>
        ),
    },
  ];
}
