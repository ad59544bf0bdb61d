// What a rendered dashboard has to be, in the words of Grafana's own schema.
//
// Dashboards are JSON, so enums stand there as their values: `Plain` turns the enums of the schema into them. Where the
// schema says `unknown` (options, custom fields, queries, transformations), the type of the panel's own kind is put in.
import type * as s from "@grafana/schema";
import type * as barchart from "@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen";
import type * as geomap from "@grafana/schema/dist/esm/raw/composable/geomap/panelcfg/x/GeomapPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as states from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as series from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** The same type with the values of enums in the place of enums. */
type Plain<T> = T extends string
  ? `${T}`
  : T extends boolean
    ? T
    : T extends number
      ? `${T}` extends `${infer N extends number}`
        ? N
        : never
      : T extends readonly (infer U)[]
        ? Plain<U>[]
        : T extends object
          ? { [K in keyof T]: Plain<T[K]> }
          : T;

// Queries: grafana/public/app/plugins/datasource/influxdb/types.ts and
// grafana-infinity-datasource/src/types/query.types.ts (the part that is used).
interface InfluxQuery {
  datasource: { type: "influxdb"; uid: string };
  refId: string;
  rawQuery: true;
  query: string;
  resultFormat: "time_series" | "table";
  alias?: string;
}
interface InfinityQuery {
  datasource: { type: "yesoreyeram-infinity-datasource"; uid: string };
  refId: string;
  type: "json";
  source: "url";
  parser: "backend";
  format: "table" | "timeseries";
  url: string;
  url_options: { method: "GET"; data: string };
  root_selector: string;
  columns: { selector: string; text: string; type: "string" | "number" | "timestamp_epoch" }[];
  filters: never[];
}
type Query = InfluxQuery | InfinityQuery;

// Transformations: packages/grafana-data/src/transformations/transformers.
type Transformation =
  | {
      id: "organize";
      options: {
        excludeByName: Record<string, boolean>;
        indexByName: Record<string, number>;
        renameByName: Record<string, string>;
      };
    }
  | {
      id: "groupBy";
      options: {
        fields: Record<
          string,
          {
            aggregations: ("lastNotNull" | "firstNotNull" | "mean" | "max" | "sum")[];
            operation: "groupby" | "aggregate";
          }
        >;
      };
    }
  | { id: "sortBy"; options: { fields: Record<string, never>; sort: { field: string; desc: boolean }[] } }
  | { id: "limit"; options: { limitField: number } }
  | {
      id: "filterByValue";
      options: {
        type: "include";
        match: "all";
        filters: { fieldName: string; config: { id: "isNotNull"; options: Record<string, never> } }[];
      };
    }
  | {
      id: "calculateField";
      options: {
        mode: "binary";
        alias: string;
        binary: { left: string; operator: "/"; right: string };
        replaceFields: boolean;
      };
    }
  | {
      id: "groupingToMatrix";
      options: { rowField: string; columnField: string; valueField: string; emptyValue: "null" };
    };

// Layers of the map: grafana/public/app/plugins/panel/geomap, layers/ and style/types.ts.
interface LayerStyle {
  color: Plain<s.ColorDimensionConfig>;
  opacity: number;
  lineWidth: number;
  text?: Plain<s.TextDimensionConfig>;
  textConfig?: {
    fontSize: number;
    textAlign: "left" | "center" | "right";
    textBaseline: "top" | "middle" | "bottom";
  };
}
type Layer = Omit<Plain<s.MapLayerOptions>, "type" | "config"> &
  (
    | {
        type: "geojson";
        config: {
          src: string;
          style: LayerStyle;
          rules: { style: LayerStyle; check: { property: string; operation: "eq"; value: string } }[];
        };
      }
    | { type: "heatmap"; config: { weight: Plain<s.ScaleDimensionConfig>; radius: number; blur: number } }
  );
type Map = Omit<Plain<geomap.Options>, "layers" | "basemap"> & {
  layers: Layer[];
  basemap: Omit<Plain<s.MapLayerOptions>, "type" | "config"> & {
    type: "xyz";
    config: { url: string; attribution: string };
  };
};

// Field configuration, with the custom part of the panel's kind.
type Standard = Required<Omit<s.FieldConfig, "custom">>;
type Property<F> =
  | { [K in keyof Standard & string]: { id: K; value: Plain<Standard[K]> } }[keyof Standard & string]
  | { [K in keyof F & string]-?: { id: `custom.${K}`; value: Plain<Required<F>[K]> } }[keyof F & string];
interface Fields<F> {
  defaults: Omit<Plain<s.FieldConfig>, "custom"> & { custom?: Partial<Plain<F>> };
  overrides: { matcher: { id: "byName"; options: string }; properties: Property<F>[] }[];
}
type Kind<K extends string, Options, Custom> = Omit<
  Plain<s.Panel>,
  "type" | "options" | "fieldConfig" | "targets" | "transformations" | "repeatDirection"
> & {
  type: K;
  options: Options;
  fieldConfig: Fields<Custom>;
  targets: Query[];
  transformations?: Transformation[];
  repeatDirection?: "h" | "v";
};
type None = Record<never, never>;
export type Panel =
  | Kind<"stat", Plain<stat.Options>, None>
  | Kind<"timeseries", Plain<series.Options>, series.FieldConfig>
  | Kind<"barchart", Plain<barchart.Options>, barchart.FieldConfig>
  | Kind<"table", Plain<table.Options>, table.FieldConfig>
  | Kind<"state-timeline", Plain<states.Options>, states.FieldConfig>
  | Kind<"geomap", Map, { hideFrom: s.HideSeriesConfig }>;

interface Annotation extends Omit<Plain<s.AnnotationQuery>, "target"> {
  target: Query & {
    textColumn?: string;
    timeEndColumn?: string;
    tagsColumn?: string;
    titleColumn?: string;
    fromAnnotations?: true;
    textEditor?: true;
  };
  // packages/grafana-data/src/types/annotations.ts
  mappings: Record<"time" | "timeEnd" | "text" | "tags", { source: "field"; value: string }>;
}
export type Dashboard = Omit<Plain<s.Dashboard>, "panels" | "annotations"> & {
  uid: string;
  panels: Panel[];
  annotations: { list: Annotation[] };
};
