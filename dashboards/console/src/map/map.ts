import type { Floor, Frame, NodePlace, NodeState, Zone } from "../api/types";
import { reducedMotion } from "../settings";
import { type Colours, readColours } from "./colours";
import { DotLayer } from "./dots";
import { zoneAt } from "./geometry";
import { listen } from "./gestures";
import { HeatLayer } from "./heat";
import { Labels, type LabelText } from "./labels";
import { drawNodes } from "./nodes";
import { Plan } from "./plan";
import { ramp } from "./ramp";
import { type Insets, Viewport } from "./viewport";

export interface Layers {
  heat: boolean;
  dots: boolean;
  labels: boolean;
  counts: boolean;
  nodes: boolean;
}

export interface MapEvents {
  selected: (zone: Zone | null) => void;
  hovered: (zone: Zone | null, x: number, y: number) => void;
  scaled: (top: number) => void;
}

const FADE_MS = { shortest: 200, longest: 1200 };

/** Draws one floor, live. Surfaces and labels are kept as pictures and drawn anew only when they change. */
export class FloorMap {
  layers: Layers = { heat: true, dots: true, labels: true, counts: true, nodes: false };
  insets: Insets = { top: 0, right: 0, bottom: 0, left: 0 };
  nodes: NodePlace[] = [];
  states: ReadonlyMap<string, NodeState> = new Map();
  textOf: (zone: Zone) => LabelText = (zone) => ({ name: zone.id, count: null });

  private readonly viewport = new Viewport();
  private readonly heat = new HeatLayer();
  private readonly dots = new DotLayer();
  private readonly labels = new Labels();
  private readonly context: CanvasRenderingContext2D;
  private readonly ground = document.createElement("canvas").getContext("2d", { alpha: false })!;
  private readonly over = document.createElement("canvas").getContext("2d")!;
  private readonly stops: (() => void)[] = [];
  private plan: Plan | null = null;
  private colours: Colours = readColours();
  private heatColours = ramp(true);
  private ratio = 1;
  private groundKey = "";
  private overKey = "";
  private version = 0;
  private selected: string | null = null;
  private hover: string | null = null;
  private touched = false;
  private scheduled = 0;
  private frameAt = 0;
  private fadeMs = 500;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly events: MapEvents,
  ) {
    this.context = canvas.getContext("2d", { alpha: false })!;
    const resized = new ResizeObserver(() => this.resize());
    resized.observe(canvas);
    this.stops.push(
      () => resized.disconnect(),
      listen(canvas, this.viewport, {
        changed: () => {
          this.touched = true;
          this.events.hovered(null, 0, 0);
          this.draw();
        },
        clicked: (x, y) => this.events.selected(this.hit(x, y)),
        hovered: (x, y) => this.point(x, y),
        left: () => this.point(-1, -1),
        fit: () => this.fit(),
      }),
    );
    void document.fonts.ready.then(() => this.refresh());
    this.resize();
  }

  destroy(): void {
    cancelAnimationFrame(this.scheduled);
    for (const stop of this.stops) stop();
  }

  setTheme(dark: boolean): void {
    this.colours = readColours();
    this.heatColours = ramp(dark);
    this.groundKey = "";
    this.refresh();
  }

  get rampColours(): Uint32Array {
    return this.heatColours;
  }

  setFloor(floor: Floor): void {
    this.plan = new Plan(floor);
    this.heat.clear();
    this.dots.clear();
    this.hover = null;
    this.groundKey = "";
    this.fit();
  }

  /** Show the next frame of this floor; frames of another are on their way still and are left out. */
  setFrame(frame: Frame): void {
    if (!this.plan || frame.floor !== this.plan.floor.id) return;
    const now = performance.now();
    const shown = this.shown(now);
    this.heat.next(frame.heat, this.plan.floor.outline, shown);
    this.dots.next(frame.dots, shown);
    // Fade for as long as frames are apart, so that one is reached just as the next one comes.
    if (this.frameAt > 0) {
      const apart = Math.min(Math.max(now - this.frameAt, FADE_MS.shortest), FADE_MS.longest);
      this.fadeMs += 0.3 * (apart - this.fadeMs);
    }
    this.frameAt = now;
    this.events.scaled(this.heat.top);
    this.refresh();
  }

  select(id: string | null): void {
    this.selected = id;
    this.refresh();
  }

  /** Bring the chosen zone into sight, if it is not. */
  reveal(id: string): void {
    const drawn = this.plan?.zones.find((each) => each.zone.id === id);
    if (!drawn) return;
    const [x, y] = this.viewport.toScreen(...drawn.zone.label);
    const { top, right, bottom, left } = this.insets;
    if (x > left && y > top && x < this.viewport.width - right && y < this.viewport.height - bottom) return;
    this.viewport.centre(drawn.zone.label, this.viewport.scale, (left - right) / 2, (top - bottom) / 2);
    this.draw();
  }

  zoom(factor: number): void {
    this.touched = true;
    this.viewport.zoom(factor);
    this.draw();
  }

  fit(): void {
    this.touched = false;
    if (this.plan) this.viewport.fit(this.plan.floor.bounds, this.insets);
    this.draw();
  }

  /** What lies beside the map changed its size: fit again unless somebody has moved the map. */
  setInsets(insets: Insets): void {
    this.insets = insets;
    if (!this.touched) this.fit();
  }

  /** Labels or layers changed. */
  refresh(): void {
    this.version++;
    this.draw();
  }

  private draw(): void {
    if (this.scheduled === 0) this.scheduled = requestAnimationFrame((now) => this.paint(now));
  }

  private shown(now: number): number {
    return reducedMotion() ? 1 : Math.min((now - this.frameAt) / this.fadeMs, 1);
  }

  private paint(now: number): void {
    this.scheduled = 0;
    if (!this.plan) return;
    const { context, viewport, ratio, colours } = this;
    const shown = Math.max(this.shown(now), 0);
    this.paintGround();
    this.paintOver();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.ground.canvas, 0, 0);
    if (this.layers.heat) {
      viewport.apply(context, ratio);
      this.heat.draw(context, shown, this.heatColours);
    }
    if (this.layers.dots) this.dots.draw(context, viewport, ratio, shown, colours);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.over.canvas, 0, 0);
    if (shown < 1) this.draw();
  }

  private paintGround(): void {
    if (this.groundKey === this.viewport.key) return;
    this.groundKey = this.viewport.key;
    this.plan!.drawGround(this.ground, this.viewport, this.ratio, this.colours);
  }

  private paintOver(): void {
    const key = `${this.version} ${this.viewport.key}`;
    if (this.overKey === key) return;
    this.overKey = key;
    const { over, viewport, ratio, colours, plan, layers } = this;
    over.setTransform(1, 0, 0, 1, 0, 0);
    over.clearRect(0, 0, over.canvas.width, over.canvas.height);
    plan!.drawWalls(over, viewport, ratio, colours);
    if (this.hover) plan!.drawMark(over, viewport, ratio, this.hover, colours.label, 1.5);
    if (this.selected) plan!.drawMark(over, viewport, ratio, this.selected, colours.accent, 3);
    if (layers.nodes) drawNodes(over, viewport, ratio, this.nodes, this.states, colours);
    if (layers.labels || layers.counts) {
      const show = { names: layers.labels, counts: layers.counts };
      this.labels.draw(over, viewport, ratio, plan!.zones, ({ zone }) => this.textOf(zone), colours, show, this.selected);
    }
  }

  private resize(): void {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (width === 0 || height === 0) return;
    this.ratio = Math.min(window.devicePixelRatio || 1, 2);
    for (const canvas of [this.canvas, this.ground.canvas, this.over.canvas]) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
    Object.assign(this.viewport, { width, height });
    this.groundKey = "";
    if (this.touched) this.refresh();
    else this.fit();
    this.version++;
    // At once: a canvas that was resized is empty until it is painted.
    cancelAnimationFrame(this.scheduled);
    this.paint(performance.now());
  }

  private hit(x: number, y: number): Zone | null {
    return this.plan && x >= 0 ? zoneAt(this.plan.floor.zones, this.viewport.toFloor(x, y)) : null;
  }

  private point(x: number, y: number): void {
    const zone = this.hit(x, y);
    this.events.hovered(zone, x, y);
    this.canvas.style.cursor = zone ? "pointer" : "grab";
    if ((zone?.id ?? null) === this.hover) return;
    this.hover = zone?.id ?? null;
    this.refresh();
  }
}
