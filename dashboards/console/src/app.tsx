import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

import { crmViews, openAlerts } from "./crm";
import { counted, crmWords, named, t } from "./i18n";
import { Banner, HistoryBanner } from "./parts/banner";
import { IconButton } from "./parts/controls";
import { Help, helpOpen } from "./parts/help";
import { Icon, Mark } from "./parts/icon";
import { PeriodPicker } from "./parts/period";
import { Explanation } from "./parts/hovered";
import { dark, language, theme, type Theme } from "./settings";
import {
  addressOf,
  CRM_VIEWS,
  type CrmView,
  goTo,
  link,
  liveFrame,
  loginNeeded,
  nodeHealth,
  pastAt,
  site,
  type View,
  view,
  views,
} from "./state";
import { CrmPage } from "./views/crm/gate";
import { EventsView } from "./views/events";
import { LiveView } from "./views/live";
import { Login } from "./views/login";
import { NodesView } from "./views/nodes";

const WITH_PERIOD: readonly View[] = ["zones", "flows", "footfall", "carpark", "crm-figures", "crm-alerts"];
const NEXT_THEME: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

/** Views that need more are fetched when they are opened first: the map is there sooner. */
const LAZY: Partial<Record<View, () => Promise<ComponentType>>> = {
  zones: () => import("./views/zones").then((module) => module.ZonesView),
  flows: () => import("./views/flows").then((module) => module.FlowsView),
  footfall: () => import("./views/footfall").then((module) => module.FootfallView),
  carpark: () => import("./views/car-park").then((module) => module.CarParkView),
  "crm-here": () => import("./views/crm/here").then((module) => module.CrmHere),
  "crm-members": () => import("./views/crm/members").then((module) => module.CrmMembers),
  "crm-segments": () => import("./views/crm/segments").then((module) => module.CrmSegments),
  "crm-audiences": () => import("./views/crm/audiences").then((module) => module.CrmAudiences),
  "crm-figures": () => import("./views/crm/figures").then((module) => module.CrmFigures),
  "crm-alerts": () => import("./views/crm/alerts").then((module) => module.CrmAlerts),
  "crm-webhooks": () => import("./views/crm/webhooks").then((module) => module.CrmWebhooks),
  "crm-consent": () => import("./views/crm/consent").then((module) => module.CrmConsent),
};
const EAGER: Partial<Record<View, ComponentType>> = { live: LiveView, events: EventsView, nodes: NodesView };

export function App() {
  useEffect(() => {
    const mall = site.value ? named(site.value.mall.name) : "mallsense";
    document.title = `${t(`nav.${view.value}`)} · ${mall}`;
  }, [view.value, site.value, language.value, crmWords.value]);
  if (loginNeeded.value) return <Login />;
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        {t("skip")}
      </a>
      <Navigation />
      <div class="body">
        <TopBar />
        <Banner />
        <HistoryBanner />
        <main id="main" tabIndex={-1} class={`view view-${view.value}`}>
          <Shown key={view.value} name={view.value} />
        </main>
      </div>
      <Help />
      <Explanation />
    </div>
  );
}

function Shown({ name }: { name: View }) {
  const [Part, setPart] = useState<ComponentType | null>(() => EAGER[name] ?? null);
  useEffect(() => {
    void LAZY[name]?.().then((loaded) => setPart(() => loaded));
  }, [name]);
  const shown = Part ? <Part /> : <div class="placeholder shimmer" role="status" aria-label={t("load.busy")} />;
  return isOfCrm(name) ? <CrmPage>{shown}</CrmPage> : shown;
}

function isOfCrm(name: View): name is CrmView {
  return CRM_VIEWS.some((each) => each === name);
}

function Navigation() {
  const ill = nodeHealth.value.data?.filter((node) => node.state !== "online" || node.advice !== null).length ?? 0;
  const unusual = openAlerts.value.length;
  return (
    <nav class="nav" aria-label={t("nav.label")}>
      <div class="brand">
        <Mark />
        <div>
          <b>mallsense</b>
          <span>{site.value ? named(site.value.mall.name) : " "}</span>
        </div>
      </div>
      <ul>
        {views.value.map((name, i) => (
          <Entry key={name} name={name} title={`${t(`nav.${name}`)} (${i + 1})`}>
            {name === "nodes" && ill > 0 && <em aria-label={t("nodes.attention", { n: ill })}>{ill}</em>}
          </Entry>
        ))}
        {crmViews.value.length > 0 && (
          <li class="nav-group">
            <h2 id="nav-crm">{t("nav.crm")}</h2>
            <ul aria-labelledby="nav-crm">
              {crmViews.value.map((name) => (
                <Entry key={name} name={name} title={t(`nav.${name}`)}>
                  {name === "crm-alerts" && unusual > 0 && <em aria-label={counted("crm.alerts.count", unusual)}>{unusual}</em>}
                </Entry>
              ))}
            </ul>
            <a class="nav-crm" href={addressOf("crm-here")} aria-current={isOfCrm(view.value) ? "page" : undefined}>
              <Icon name="crm-members" />
              <span>{t("nav.crm")}</span>
            </a>
          </li>
        )}
      </ul>
    </nav>
  );
}

function Entry({ name, title, children }: { name: View; title: string; children: ComponentChildren }) {
  return (
    <li>
      <a href={addressOf(name)} aria-current={view.value === name ? "page" : undefined} title={title}>
        <Icon name={name} />
        <span>{t(`nav.${name}`)}</span>
        {children}
      </a>
    </li>
  );
}

function TopBar() {
  const open = link.value.state === "open" && liveFrame.value !== null;
  const past = pastAt.value !== null && view.value === "live";
  const status = !open ? t("link.connecting") : past ? t("kpi.past") : t("time.live");
  return (
    <header class="top">
      <h1>
        <span class="top-mall">{site.value ? named(site.value.mall.name) : "mallsense"}</span>
        <span class="top-view">{t(`nav.${view.value}`)}</span>
      </h1>
      <button type="button" class={`status ${open ? (past ? "status-past" : "status-open") : ""}`} onClick={() => goTo("live")}>
        <i class="pulse" />
        {status}
      </button>
      {WITH_PERIOD.includes(view.value) && <PeriodPicker />}
      <div class="top-tools">
        <button type="button" class="language" lang={language.value === "en" ? "zh" : "en"} title={t("lang.switch")} aria-label={t("lang.switch")} onClick={() => (language.value = language.value === "en" ? "zh" : "en")}>
          {language.value === "en" ? "中文" : "EN"}
        </button>
        <IconButton
          icon={theme.value === "system" ? "system" : dark.value ? "moon" : "sun"}
          label={`${t("theme.label")}: ${t(`theme.${theme.value}`)}`}
          onClick={() => (theme.value = NEXT_THEME[theme.value])}
        />
        <IconButton icon="keyboard" label={t("help.open")} class="only-keyboard" onClick={() => (helpOpen.value = true)} />
      </div>
    </header>
  );
}
