import type { NodeHealth, NodeState } from "../api/types";
import * as format from "../format";
import { named, t } from "../i18n";
import { Card, Loading } from "../parts/controls";
import { Icon } from "../parts/icon";
import { nodeHealth } from "../state";

const STATES: NodeState[] = ["online", "silent", "offline", "never"];
const TONES: Record<NodeState, string> = { online: "good", silent: "warn", offline: "bad", never: "none" };
const HOT_C = 65;
/** A batch or two on their way are nothing to worry about. */
const MANY_SPOOLED = 50;

function needsHelp(node: NodeHealth): boolean {
  return node.state !== "online" || node.advice !== null;
}

/** How the nodes are and what to do about those that are not well; these come first. */
export function NodesView() {
  const { data, failed } = nodeHealth.value;
  const loaded = { data, failed, busy: data === null && !failed, again: () => undefined };
  return (
    <div class="page">
      <Loading loaded={loaded} height="20rem">
        {(nodes) => (nodes.length === 0 ? <p class="empty">{t("nodes.none")}</p> : <Nodes nodes={nodes} />)}
      </Loading>
    </div>
  );
}

function Nodes({ nodes }: { nodes: NodeHealth[] }) {
  const rank = (node: NodeHealth) => (node.state === "online" ? (node.advice ? 3 : 4) : { offline: 0, silent: 1, never: 2 }[node.state]);
  const sorted = [...nodes].sort((a, b) => rank(a) - rank(b) || a.id.localeCompare(b.id));
  const ill = nodes.filter(needsHelp).length;
  const most = Math.max(...nodes.map((node) => node.observations_per_min ?? 0), 1);
  return (
    <>
      <dl class="kpis kpis-cards">
        {STATES.map((state) => (
          <div key={state} class="kpi">
            <dt>
              <i class={`dot dot-${TONES[state]}`} /> {t(`nodes.${state}`)}
            </dt>
            <dd>
              <b>{format.whole(nodes.filter((node) => node.state === state).length)}</b>
            </dd>
          </div>
        ))}
      </dl>
      <Card title={ill === 0 ? t("nodes.well") : t("nodes.attention", { n: ill })} class="table-card">
        <div class="table-scroll" tabIndex={0} role="region" aria-label={t("nodes.title")}>
          <table class="nodes">
            <thead>
              <tr>
                <th scope="col">{t("nodes.node")}</th>
                <th scope="col">{t("nodes.state")}</th>
                <th scope="col">{t("nodes.advice")}</th>
                <th scope="col" class="number">{t("nodes.seen")}</th>
                <th scope="col" class="number">{t("nodes.lag")}</th>
                <th scope="col" class="number">{t("nodes.rate")}</th>
                <th scope="col" class="number">{t("nodes.spooled")}</th>
                <th scope="col" class="number">{t("nodes.dropped")}</th>
                <th scope="col" class="number">{t("nodes.temperature")}</th>
              </tr>
            </thead>
            <tbody>
              {sorted.map((node) => (
                <NodeRow key={node.id} node={node} most={most} />
              ))}
            </tbody>
          </table>
        </div>
      </Card>
    </>
  );
}

function NodeRow({ node, most }: { node: NodeHealth; most: number }) {
  const now = nodeHealth.value.at_ms; // when these figures were asked for
  const age = node.last_ms === null || now === null ? null : Math.max(now - node.last_ms, 0);
  return (
    <tr class={needsHelp(node) ? "ill" : ""}>
      <th scope="row">
        <b>{node.id}</b>
        <span class="muted">{node.floor}</span>
      </th>
      <td>
        <span class={`state state-${TONES[node.state]}`}>
          <i class={`dot dot-${TONES[node.state]}`} />
          {t(`nodes.${node.state}`)}
        </span>
      </td>
      <td class="advice">
        {node.advice && (
          <>
            <Icon name="warning" size={14} />
            {named(node.advice)}
          </>
        )}
      </td>
      <td class="number">{age === null ? format.NONE : t("nodes.ago", { time: format.delay(age) })}</td>
      <td class="number">{node.state === "online" ? format.delay(node.lag_ms) : format.NONE}</td>
      <td class="number">
        {format.whole(node.observations_per_min)}
        <span class="cell-bar">
          <i style={{ transform: `scaleX(${(node.observations_per_min ?? 0) / most})` }} />
        </span>
      </td>
      <td class={`number ${(node.spooled ?? 0) > MANY_SPOOLED ? "tone-warn" : ""}`}>{format.whole(node.spooled)}</td>
      <td class={`number ${(node.dropped ?? 0) > 0 ? "tone-bad" : ""}`}>{format.whole(node.dropped)}</td>
      <td class={`number ${(node.temperature_c ?? 0) >= HOT_C ? "tone-warn" : ""}`}>
        {node.temperature_c === null ? format.NONE : `${format.whole(node.temperature_c)} °C`}
      </td>
    </tr>
  );
}
