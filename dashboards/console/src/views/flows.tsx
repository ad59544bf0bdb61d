import { useMemo, useState } from "preact/hooks";

import { api } from "../api/client";
import type { Flows } from "../api/types";
import * as format from "../format";
import { named, t } from "../i18n";
import { FONT } from "../map/colours";
import { Card, Loading, Segments, Select } from "../parts/controls";
import { Chart, palette, tip, tooltip, type Option } from "../parts/chart";
import { useLoad } from "../parts/hooks";
import { dark, language } from "../settings";
import { minuteMs, period, periodName, site, zoneById } from "../state";
import { flowsFocus } from "./flows-focus";

type Link = Flows["links"][number];

const AMOUNTS = [20, 40, 80];
const TABLE_ROWS = 12;

/** Who went from which zone to which. */
export function FlowsView() {
  const [floor, setFloor] = useState("");
  const [amount, setAmount] = useState(AMOUNTS[0]!);
  const focus = flowsFocus.value;
  const chosen = period.value;
  const key = chosen && `${floor} ${chosen.from_ms} ${chosen.to_ms} ${periodName.value === "today" ? minuteMs.value : ""}`;
  const loaded = useLoad(key, () => api.flows(period.value!, floor || undefined));
  const links = useMemo(() => {
    const found = (loaded.data?.links ?? []).filter((each) => !focus || each.source === focus || each.target === focus);
    return [...found].sort((a, b) => b.people - a.people).slice(0, amount);
  }, [loaded.data, focus, amount]);
  const zones = (site.value?.floors ?? [])
    .filter((each) => !floor || each.id === floor)
    .flatMap((each) => each.zones)
    .filter((zone) => zone.kind !== "corridor")
    .map((zone) => ({ value: zone.id, text: named(zone.name) }))
    .sort((a, b) => a.text.localeCompare(b.text));
  const tools = (
    <>
      <Select label={t("flows.focus")} value={focus} onChange={(id) => (flowsFocus.value = id)} options={[{ value: "", text: t("flows.focus.all") }, ...zones]} />
      <Select
        label={t("flows.floor")}
        value={floor}
        onChange={setFloor}
        options={[{ value: "", text: t("zones.floor.all") }, ...(site.value?.floors ?? []).map(({ id }) => ({ value: id, text: id }))]}
      />
      <Segments label={t("flows.show")} value={amount} onChange={setAmount} options={AMOUNTS.map((value) => ({ value, text: t("flows.top", { n: value }) }))} />
    </>
  );
  return (
    <div class="page">
      <Card title={t("flows.title")} hint={t("flows.hint")} tools={tools}>
        <Loading loaded={loaded} height="34rem" empty={(data) => links.length === 0 && (withheld(data.suppressed_links) || true)}>
          {(data) => (
            <>
              <Sankey links={links} focus={focus} />
              {data.suppressed_links > 0 && <p class="hint footnote">{withheld(data.suppressed_links)}</p>}
            </>
          )}
        </Loading>
      </Card>
      {links.length > 0 && <FlowTable links={links.slice(0, TABLE_ROWS)} />}
    </div>
  );
}

function withheld(links: number): string {
  return links > 0 ? t("flows.suppressed", { n: format.whole(links), k: site.value?.k ?? "" }) : "";
}

function nameOf(id: string): string {
  const found = zoneById(id);
  return found ? named(found.zone.name) : t("flows.outside");
}

/**
 * People also go back, and a Sankey diagram knows no circles: every zone stands once on the left, as a start,
 * and once on the right, as an end. Around one zone: where from, the zone, where to.
 */
function Sankey({ links, focus }: { links: Link[]; focus: string }) {
  const option = useMemo((): Option => {
    const colours = palette();
    const into = (id: string) => (id === focus ? `at ${id}` : `to ${id}`);
    const from = (id: string) => (id === focus ? `at ${id}` : `from ${id}`);
    const edges = links.map((link) => ({ source: from(link.source), target: into(link.target), value: link.people }));
    const ids = [...new Set(edges.flatMap((edge) => [edge.source, edge.target]))];
    const places = [...new Set(ids.map(bare))];
    const colourOf = (node: string) => colours.series[places.indexOf(bare(node)) % colours.series.length]!;
    return {
      tooltip: {
        trigger: "item",
        ...tooltip(colours),
        formatter: ({ data, name, value }: { data: { source?: string; target?: string }; name: string; value: number }) =>
          data.source !== undefined
            ? tip(`${nameOf(bare(data.source))} → ${nameOf(bare(data.target ?? ""))}`, [
                { text: t("flows.people.column"), value: format.whole(value) },
              ])
            : tip(nameOf(bare(name)), [{ text: t("flows.people.column"), value: format.whole(value) }]),
      },
      series: [
        {
          type: "sankey",
          left: 4,
          right: 4,
          top: 8,
          bottom: 8,
          nodeWidth: 10,
          nodeGap: 9,
          draggable: false,
          layoutIterations: 64,
          emphasis: { focus: "adjacency" },
          data: ids.map((name) => ({
            name,
            itemStyle: { color: colourOf(name), borderWidth: 0, borderRadius: 2 },
            label: { position: name.startsWith("to ") ? "left" : "right" },
          })),
          links: edges,
          lineStyle: { color: "gradient", opacity: dark.value ? 0.3 : 0.28, curveness: 0.5 },
          label: {
            color: colours.text,
            fontFamily: FONT,
            fontSize: 12,
            textBorderColor: colours.panel,
            textBorderWidth: 3,
            formatter: ({ name, value }: { name: string; value: number }) => `${nameOf(bare(name))}  ${format.whole(value)}`,
          },
        },
      ],
    };
  }, [links, focus, dark.value, language.value]);
  const rows = Math.max(new Set(links.map((link) => link.source)).size, new Set(links.map((link) => link.target)).size);
  return <Chart option={option} height={Math.min(Math.max(rows * 30, 320), 1100)} label={t("flows.title")} onClick={(name) => focusOn(name)} />;
}

function bare(node: string): string {
  return node.slice(node.indexOf(" ") + 1);
}

function focusOn(node: string): void {
  if (zoneById(bare(node))) flowsFocus.value = flowsFocus.value === bare(node) ? "" : bare(node);
}

function FlowTable({ links }: { links: Link[] }) {
  const most = Math.max(...links.map((link) => link.people), 1);
  return (
    <Card title={t("flows.table")} class="table-card">
      <div class="table-scroll" tabIndex={0} role="region" aria-label={t("flows.table")}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t("flows.from")}</th>
              <th scope="col">{t("flows.to")}</th>
              <th scope="col" class="number">
                {t("flows.people.column")}
              </th>
            </tr>
          </thead>
          <tbody>
            {links.map((link) => (
              <tr key={`${link.source} ${link.target}`}>
                <td>{nameOf(link.source)}</td>
                <td>{nameOf(link.target)}</td>
                <td class="number">
                  {format.whole(link.people)}
                  <span class="cell-bar">
                    <i style={{ transform: `scaleX(${link.people / most})` }} />
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
