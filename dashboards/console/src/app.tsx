import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

import { named, t } from "./i18n";
import { Banner, HistoryBanner } from "./parts/banner";
import { IconButton } from "./parts/controls";
import { Help, helpOpen } from "./parts/help";
import { Icon, Mark } from "./parts/icon";
import { PeriodPicker } from "./parts/period";
import { dark, language, theme, type Theme } from "./settings";
import { goTo, link, liveFrame, loginNeeded, nodeHealth, pastAt, site, type View, view, views } from "./state";
import { EventsView } from "./views/events";
import { LiveView } from "./views/live";
import { Login } from "./views/login";
import { NodesView } from "./views/nodes";

const WITH_PERIOD: readonly View[] = ["zones", "flows", "footfall", "carpark"];
const NEXT_THEME: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

/** Views with charts are fetched when they are opened first: the map is there sooner. */
const LAZY: Partial<Record<View, () => Promise<ComponentType>>> = {
  zones: () => import("./views/zones").then((module) => module.ZonesView),
  flows: () => import("./views/flows").then((module) => module.FlowsView),
  footfall: () => import("./views/footfall").then((module) => module.FootfallView),
  carpark: () => import("./views/car-park").then((module) => module.CarParkView),
};
const EAGER: Partial<Record<View, ComponentType>> = { live: LiveView, events: EventsView, nodes: NodesView };

export function App() {
  useEffect(() => {
    const mall = site.value ? named(site.value.mall.name) : "mallsense";
    document.title = `${t(`nav.${view.value}`)} · ${mall}`;
  }, [view.value, site.value, language.value]);
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
    </div>
  );
}

function Shown({ name }: { name: View }) {
  const [Part, setPart] = useState<ComponentType | null>(() => EAGER[name] ?? null);
  useEffect(() => {
    void LAZY[name]?.().then((loaded) => setPart(() => loaded));
  }, [name]);
  return Part ? <Part /> : <div class="placeholder shimmer" role="status" aria-label={t("load.busy")} />;
}

function Navigation() {
  const ill = nodeHealth.value.data?.filter((node) => node.state !== "online" || node.advice !== null).length ?? 0;
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
          <li key={name}>
            <a href={`#/${name}`} aria-current={view.value === name ? "page" : undefined} title={`${t(`nav.${name}`)} (${i + 1})`}>
              <Icon name={name} />
              <span>{t(`nav.${name}`)}</span>
              {name === "nodes" && ill > 0 && <em aria-label={t("nodes.attention", { n: ill })}>{ill}</em>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
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
