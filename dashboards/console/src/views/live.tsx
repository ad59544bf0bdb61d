import { signal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import type { Zone } from "../api/types";
import * as format from "../format";
import { named, t } from "../i18n";
import { type Layers, FloorMap } from "../map/map";
import { IconButton } from "../parts/controls";
import { Kpis } from "../parts/kpis";
import { Legend } from "../parts/legend";
import { Side } from "../parts/side";
import { Timeline } from "../parts/timeline";
import { dark, language } from "../settings";
import { floor, floorId, frame, liveFrame, nodeStates, selectedZone, selectZone, site } from "../state";
import { Icon } from "../parts/icon";

const layers = signal<Layers>({ heat: true, dots: true, labels: true, counts: true, nodes: false });
/** Room for the controls that lie on the map. */
const INSETS = { top: 66, right: 20, bottom: 92, left: 20 };

/** The floor, live or at a moment of the past, with what is worth knowing around it. */
export function LiveView() {
  return (
    <div class="live">
      <Kpis />
      <div class="stage">
        <MapStage />
        <Side />
      </div>
      <Timeline />
    </div>
  );
}

function MapStage() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useRef<FloorMap | null>(null);
  const [top, setTop] = useState(0);
  const [tip, setTip] = useState<{ zone: Zone; x: number; y: number } | null>(null);

  useEffect(() => {
    const made = new FloorMap(canvas.current!, {
      selected: (zone) => selectZone(zone?.id ?? null),
      hovered: (zone, x, y) => setTip(zone && { zone, x, y }),
      scaled: setTop,
    });
    made.insets = INSETS;
    map.current = made;
    return () => made.destroy();
  }, []);
  useSignalEffect(() => {
    void dark.value;
    map.current!.setTheme(dark.value);
  });
  useSignalEffect(() => {
    if (floor.value) map.current!.setFloor(floor.value);
    map.current!.nodes = site.value?.nodes.filter((node) => node.floor === floorId.value) ?? [];
  });
  useSignalEffect(() => {
    void language.value;
    const counts = new Map(frame.value?.zones.map((count) => [count.zone, count]));
    map.current!.textOf = (zone) => {
      const count = counts.get(zone.id);
      const shown = zone.kind !== "corridor" && count && (count.suppressed || (count.people ?? 0) > 0);
      return { name: named(zone.name), count: shown ? format.people(count.people, count.suppressed) : null };
    };
    map.current!.refresh();
  });
  useSignalEffect(() => {
    void floor.value; // a new floor is empty until the frame it shows is handed on again
    if (frame.value) map.current!.setFrame(frame.value);
  });
  useSignalEffect(() => {
    map.current!.layers = layers.value;
    map.current!.states = nodeStates.value;
    map.current!.refresh();
  });
  useSignalEffect(() => {
    const id = selectedZone.value;
    map.current!.select(id);
    if (id) map.current!.reveal(id);
  });

  return (
    <div class="map">
      <canvas ref={canvas} tabIndex={0} role="application" aria-label={t("map.label")} data-testid="map" />
      <Floors />
      <LayerMenu />
      <div class="map-zoom" role="group">
        <IconButton icon="plus" label={t("map.zoom.in")} onClick={() => map.current?.zoom(1.4)} />
        <IconButton icon="minus" label={t("map.zoom.out")} onClick={() => map.current?.zoom(1 / 1.4)} />
        <IconButton icon="fit" label={t("map.fit")} onClick={() => map.current?.fit()} />
      </div>
      {layers.value.heat && <Legend top={top} colours={map.current?.rampColours} />}
      {tip && <Tip {...tip} />}
      {!liveFrame.value && (
        <div class="map-wait" role="status">
          <span class="spinner" />
          {t("link.waiting")}
        </div>
      )}
    </div>
  );
}

function Tip({ zone, x, y }: { zone: Zone; x: number; y: number }) {
  const count = frame.value?.zones.find((each) => each.zone === zone.id);
  return (
    <div class="map-tip" style={{ transform: `translate(${Math.round(x)}px, ${Math.round(y)}px)` }}>
      <div>
        <b>{named(zone.name)}</b>
        <span>{count ? format.people(count.people, count.suppressed) : format.NONE}</span>
        {count && !count.suppressed && count.low !== null && count.low !== count.high && (
          <small>{t("interval", { low: format.whole(count.low), high: format.whole(count.high) })}</small>
        )}
        {count?.suppressed && <small>{t("suppressed", { k: site.value?.k ?? "" })}</small>}
      </div>
    </div>
  );
}

function Floors() {
  const floors = [...(site.value?.floors ?? [])].sort((a, b) => b.level - a.level);
  const people = new Map(frame.value?.floors.map((each) => [each.floor, each.people]));
  return (
    <div class="map-floors" role="group" aria-label={t("map.floors")}>
      {floors.map((each) => (
        <button
          key={each.id}
          type="button"
          aria-pressed={each.id === floorId.value}
          title={named(each.name)}
          onClick={() => {
            selectedZone.value = null;
            floorId.value = each.id;
          }}
        >
          <b>{each.id}</b>
          <span>{people.has(each.id) ? format.people(people.get(each.id), people.get(each.id) === null) : " "}</span>
        </button>
      ))}
    </div>
  );
}

function LayerMenu() {
  const [open, setOpen] = useState(false);
  const names: (keyof Layers)[] = ["heat", "dots", "labels", "counts", "nodes"];
  return (
    <div class={`map-layers ${open ? "open" : ""}`}>
      <button type="button" class="layer-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="layers" size={16} />
        <span>{t("map.layers")}</span>
      </button>
      {open && (
        <div class="layer-list">
          {names.map((name) => (
            <label key={name}>
              <input
                type="checkbox"
                checked={layers.value[name]}
                onChange={(event) => (layers.value = { ...layers.value, [name]: event.currentTarget.checked })}
              />
              <span>{t(`map.layer.${name}`)}</span>
            </label>
          ))}
        </div>
      )}
    </div>
  );
}
