import { BarChart, CustomChart, LineChart, SankeyChart } from "echarts/charts";
import { AriaComponent, GridComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "preact/hooks";

import { FONT } from "../map/colours";
import { dark, reducedMotion } from "../settings";

echarts.use([BarChart, CustomChart, LineChart, SankeyChart, AriaComponent, GridComponent, TooltipComponent, CanvasRenderer]);

export type Option = echarts.EChartsCoreOption;

export interface Palette {
  text: string;
  text2: string;
  line: string;
  panel: string;
  accent: string;
  second: string;
  series: string[];
}

/** The charts' colours, from the style sheet. Reading `dark` makes the caller draw anew when the theme changes. */
export function palette(): Palette {
  void dark.value;
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: read("text"),
    text2: read("text-2"),
    line: read("line"),
    panel: read("panel"),
    accent: read("accent"),
    second: read("second"),
    series: Array.from({ length: 8 }, (_, i) => read(`series-${i + 1}`)),
  };
}

/** Axes as all charts here have them. */
export function axis(colours: Palette, lines: boolean): Record<string, unknown> {
  return {
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: colours.text2, fontFamily: FONT, fontSize: 11 },
    splitLine: { show: lines, lineStyle: { color: colours.line } },
  };
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Rows of a tooltip: with classes only, since the page's policy allows no style attributes. */
export function tip(title: string, rows: { text: string; value: string; series?: number }[]): string {
  const lines = rows.map(
    ({ text, value, series }) =>
      `<div class="tip-row"><span class="tip-key ${series === undefined ? "" : `tip-series-${series}`}">${escaped(text)}</span><b>${escaped(value)}</b></div>`,
  );
  return `<div class="tip-title">${escaped(title)}</div>${lines.join("")}`;
}

export function tooltip(colours: Palette): Record<string, unknown> {
  return {
    backgroundColor: colours.panel,
    borderColor: colours.line,
    borderWidth: 1,
    padding: [8, 12],
    textStyle: { color: colours.text, fontFamily: FONT, fontSize: 12 },
    className: "chart-tip",
    confine: true,
    transitionDuration: reducedMotion() ? 0 : 0.15,
  };
}

export function Chart(props: { option: Option; height: number; label: string; onClick?: (name: string) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<echarts.EChartsType | null>(null);
  const click = useRef(props.onClick);
  click.current = props.onClick;
  useEffect(() => {
    const made = echarts.init(box.current!, null, { renderer: "canvas" });
    chart.current = made;
    made.on("click", (event) => click.current?.(event.name));
    const resized = new ResizeObserver(() => made.resize());
    resized.observe(box.current!);
    return () => {
      resized.disconnect();
      made.dispose();
    };
  }, []);
  useEffect(() => {
    chart.current?.setOption(
      { animation: !reducedMotion(), animationDuration: 350, animationDurationUpdate: 250, ...props.option },
      { notMerge: true },
    );
  }, [props.option]);
  return <div ref={box} class="chart" style={{ height: `${props.height}px` }} role="img" aria-label={props.label} />;
}
