import { useEffect, useState } from "preact/hooks";

import { crm, type After } from "../../api/crm";
import { PURPOSES, type MemberRow } from "../../api/crm-types";
import * as format from "../../format";
import { t } from "../../i18n";
import { Card, Loading, Search } from "../../parts/controls";
import { usePages } from "../../parts/pages";
import { Icon } from "../../parts/icon";
import { kindName, MemberLink, SegmentTags } from "../../parts/member";
import { DataTable, type Column } from "../../parts/table";
import { chosenOne } from "../../state";
import { CrmMember } from "./member";

const TYPING_MS = 250;

/** All members with a search, or the one that was chosen. */
export function CrmMembers() {
  const one = chosenOne.value;
  return one === null ? <Members /> : <CrmMember key={one} reference={one} />;
}

function Members() {
  const [search, setSearch] = useState("");
  const sought = useRested(search.trim());
  const pages = usePages(sought, (after: After) => crm.members(sought, after).then(({ members, next }) => ({ rows: members, next })));
  return (
    <Card
      title={t("nav.crm-members")}
      hint={t("crm.members.hint")}
      tools={<Search id="find" label={t("crm.members.search")} value={search} onChange={setSearch} />}
      class="table-card"
    >
      <Loading loaded={pages} empty={(rows) => rows.length === 0 && t(sought ? "crm.nothing.matches" : "crm.members.none")}>
        {(rows) => (
          <>
            <DataTable label={t("nav.crm-members")} columns={columns()} rows={rows} keyOf={(row) => row.reference} empty="" />
            {pages.more}
          </>
        )}
      </Loading>
    </Card>
  );
}

/** What was typed, once nobody types any more. */
function useRested(text: string): string {
  const [rested, setRested] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return rested;
}

function columns(): Column<MemberRow>[] {
  return [
    { id: "reference", head: t("crm.member"), cell: (row) => <MemberLink reference={row.reference} /> },
    { id: "consents", head: t("crm.consents"), cell: (row) => <Agreed row={row} /> },
    {
      id: "identifiers",
      head: t("crm.identifiers"),
      cell: (row) => (
        <span class="tags">
          {Object.entries(row.identifiers).map(([kind, n]) => (
            <span key={kind} class="tag">
              {kindName(kind)}
              {n > 1 && ` × ${n}`}
            </span>
          ))}
        </span>
      ),
    },
    { id: "segments", head: t("crm.segments"), cell: (row) => <SegmentTags tier={row.tier} segments={row.segments} tags={row.tags} /> },
    { id: "visits", head: t("crm.members.visits"), number: true, cell: (row) => format.whole(row.visits) },
    { id: "last", head: t("crm.members.last"), number: true, cell: (row) => format.moment(row.last_seen_ms) },
  ];
}

function Agreed({ row }: { row: MemberRow }) {
  return (
    <span class="tags">
      {PURPOSES.filter((purpose) => row.consents[purpose]).map((purpose) => (
        <span key={purpose} class="tag tag-agreed">
          <Icon name="check" size={12} />
          {t(`purpose.${purpose}`)}
        </span>
      ))}
      {!PURPOSES.some((purpose) => row.consents[purpose]) && <span class="muted">{t("crm.consents.none")}</span>}
    </span>
  );
}
