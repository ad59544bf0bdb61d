// Draws a geomap panel of a dashboard with the layers that Grafana's panel makes of it: no Grafana can run here.
//
// What is done with the options follows public/app/plugins/panel/geomap of Grafana: layers/data/geojsonLayer.ts,
// layers/data/heatMap.tsx, style/markers.ts (`polyStyle`), and getScaledDimension of features/dimensions.
import Feature from "ol/Feature";
import Map from "ol/Map";
import View from "ol/View";
import GeoJSON from "ol/format/GeoJSON";
import Point from "ol/geom/Point";
import Heatmap from "ol/layer/Heatmap";
import TileLayer from "ol/layer/Tile";
import VectorLayer from "ol/layer/Vector";
import { fromLonLat } from "ol/proj";
import VectorSource from "ol/source/Vector";
import XYZ from "ol/source/XYZ";
import { Fill, Stroke, Style, Text } from "ol/style";

/** `continuous-BlYlRd` of packages/grafana-data/src/field/fieldColor.ts, in the colours of the dark theme. */
const BLUE_YELLOW_RED = ["#1F60C4", "#FFF899", "#C4162A"];

function withAlpha(color: string, alpha: number): string {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return `rgba(${r},${g},${b},${alpha})`;
}

function polygonStyle(style: any, feature: any): Style {
  const name = style.text ? feature.get(style.text.field) : undefined;
  return new Style({
    fill: style.opacity > 0 ? new Fill({ color: withAlpha(style.color.fixed, style.opacity) }) : undefined,
    stroke: new Stroke({ color: style.color.fixed, width: style.lineWidth ?? 1 }),
    text: name
      ? new Text({
          text: name,
          fill: new Fill({ color: style.color.fixed }),
          font: `normal ${style.textConfig.fontSize}px Inter, Helvetica, Arial, sans-serif`,
          ...style.textConfig,
        })
      : undefined,
  });
}

async function planLayer(options: any): Promise<VectorLayer> {
  const answer = await fetch(options.config.src);
  if (!answer.ok) throw new Error(`${options.config.src}: ${answer.status}`);
  const features = new GeoJSON({ featureProjection: "EPSG:3857" }).readFeatures(await answer.json());
  return new VectorLayer({
    className: `layer-${options.name}`,
    source: new VectorSource({ features }),
    style: (feature) => {
      const rule = options.config.rules.find((each: any) => feature.get(each.check.property) === each.check.value);
      return polygonStyle(rule?.style ?? options.config.style, feature);
    },
  });
}

function heatLayer(options: any, rows: any[], least: number): Heatmap {
  const { weight, radius, blur } = options.config;
  const values = rows.map((row) => row[weight.field]);
  const most = Math.max(...values);
  const features = rows.map((row) => {
    const at = fromLonLat([row[options.location.longitude], row[options.location.latitude]]);
    const share = most > least ? (row[weight.field] - least) / (most - least) : 0;
    return new Feature({ geometry: new Point(at), _weight: weight.min + share * (weight.max - weight.min) });
  });
  return new Heatmap({
    className: "layer-heat",
    source: new VectorSource({ features }),
    radius,
    blur,
    gradient: BLUE_YELLOW_RED,
    opacity: options.opacity ?? 1,
    weight: (feature) => feature.get("_weight"),
  });
}

async function draw(panel: any, rows: any[]): Promise<void> {
  document.querySelector("h1")!.textContent = panel.title;
  const { basemap, layers, view } = panel.options;
  const map = new Map({
    target: "map",
    controls: [],
    view: new View({ center: fromLonLat([view.lon, view.lat]), zoom: view.zoom }),
    layers: [new TileLayer({ source: new XYZ({ url: basemap.config.url }) })],
  });
  for (const options of layers) {
    map.addLayer(
      options.type === "heatmap"
        ? heatLayer(options, rows, panel.fieldConfig.defaults.min)
        : await planLayer(options),
    );
  }
  await new Promise((done) => map.once("rendercomplete", done));
  Object.assign(window, { drawn: map });
}

/** What the heat covers: how much of it lies on the floor, and how warm it is where the warmest cells are. */
function measure(rows: any[], field: string): { onFloor: number; warm: number[]; elsewhere: number[] } {
  const map = (window as any).drawn as Map;
  const floor = map.getLayers().item(1) as VectorLayer;
  const shapes = floor.getSource()!.getFeatures().map((feature) => feature.getGeometry()!);
  const drawn = document.querySelector<HTMLCanvasElement>("canvas.layer-heat")!;
  const { width, height } = drawn;
  const copy = new OffscreenCanvas(width, height).getContext("2d")!;
  map.renderSync(); // what WebGL has drawn can be read until the browser has shown it
  copy.drawImage(drawn, 0, 0);
  const alpha = copy.getImageData(0, 0, width, height).data.filter((_, at) => at % 4 === 3);
  const scale = width / map.getSize()![0];
  let inside = 0;
  let all = 0;
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const heat = alpha[y * width + x];
      if (heat === 0) continue;
      const at = map.getCoordinateFromPixel([x / scale, y / scale]);
      all += heat;
      if (shapes.some((shape) => shape.intersectsCoordinate(at))) inside += heat;
    }
  }
  const heatAt = (row: any) => {
    const [x, y] = map.getPixelFromCoordinate(fromLonLat([row.lon, row.lat]));
    return alpha[Math.round(y * scale) * width + Math.round(x * scale)] / 255;
  };
  const sorted = [...rows].sort((a, b) => b[field] - a[field]);
  return {
    onFloor: all > 0 ? inside / all : 0,
    warm: sorted.slice(0, 3).map(heatAt),
    elsewhere: sorted.slice(-3).map(heatAt),
  };
}

Object.assign(window, { draw, measure });
