import type { Dots } from "../api/types";
import type { Colours } from "./colours";
import { makeStamps, type Stamps, StampSheet } from "./stamps";
import type { Viewport } from "./viewport";

/** From so many on, dots are drawn smaller. */
const CROWD = 600;

/** Farther than this in one frame is a correction, not a walk: the dot fades over instead of flying. */
const JUMP_M = 12;

/** Shoppers as dots that glide from where they were to where they are. */
export class DotLayer {
  private ids: number[] = [];
  private places = new Map<number, number>();
  private from = new Float32Array(0);
  private to = new Float32Array(0);
  /** 1: was there before; 0: is new and fades in. */
  private known = new Uint8Array(0);
  private readonly sheet = new StampSheet();
  private stamps: Stamps | null = null;
  private stampKey = "";

  clear(): void {
    this.ids = [];
    this.places.clear();
  }

  next(dots: Dots, shown: number): void {
    const count = dots.id.length;
    const from = new Float32Array(count * 2);
    const to = new Float32Array(count * 2);
    const known = new Uint8Array(count);
    const places = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      const x = dots.x_m[i] ?? 0;
      const y = dots.y_m[i] ?? 0;
      to[2 * i] = x;
      to[2 * i + 1] = y;
      const old = this.places.get(dots.id[i]!);
      const [was_x, was_y] = old === undefined ? [x, y] : this.at(old, shown);
      const near = old !== undefined && Math.hypot(was_x - x, was_y - y) < JUMP_M;
      from[2 * i] = near ? was_x : x;
      from[2 * i + 1] = near ? was_y : y;
      known[i] = near ? 1 : 0;
      places.set(dots.id[i]!, i);
    }
    Object.assign(this, { from, to, known, places });
    this.ids = dots.id;
  }

  draw(context: CanvasRenderingContext2D, viewport: Viewport, ratio: number, shown: number, colours: Colours): void {
    if (this.ids.length === 0) return;
    const crowded = this.ids.length > CROWD ? 0.75 : 1;
    const radius = Math.min(1.3 + viewport.scale * 0.16, 4.5) * crowded * ratio;
    const key = `${radius} ${colours.dot} ${colours.dotEdge}`;
    if (this.stampKey !== key) this.stamps = makeStamps(radius, colours.dot, colours.dotEdge, 0.75 * ratio);
    this.stampKey = key;
    this.sheet.begin(context.canvas.width, context.canvas.height);
    for (let i = 0; i < this.ids.length; i++) {
      const [x_m, y_m] = this.at(i, shown);
      const [x, y] = viewport.toScreen(x_m, y_m);
      this.sheet.stamp(this.stamps!, x * ratio, y * ratio, this.known[i] === 1 ? 1 : shown);
    }
    this.sheet.drawOn(context);
  }

  private at(i: number, shown: number): [number, number] {
    const x = this.from[2 * i]!;
    const y = this.from[2 * i + 1]!;
    return [x + (this.to[2 * i]! - x) * shown, y + (this.to[2 * i + 1]! - y) * shown];
  }
}
