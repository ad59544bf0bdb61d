import type { Point } from "../api/types";

const LARGEST_SCALE = 60;

export interface Insets {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

/** Which part of the floor is seen: metres (y up) to pixels (y down). */
export class Viewport {
  width = 1;
  height = 1;
  /** Pixels a metre. */
  scale = 1;
  private x_m = 0;
  private y_m = 0;
  private smallest = 0.1;
  private bounds: [number, number, number, number] = [0, 0, 1, 1];

  /** Show all of `bounds` in what the insets leave free. */
  fit(bounds: [number, number, number, number], insets: Insets): void {
    this.bounds = bounds;
    const [x0, y0, x1, y1] = bounds;
    const free_x = Math.max(this.width - insets.left - insets.right, 50);
    const free_y = Math.max(this.height - insets.top - insets.bottom, 50);
    this.scale = Math.min(free_x / (x1 - x0), free_y / (y1 - y0));
    this.smallest = this.scale * 0.6;
    const middle_x = insets.left + free_x / 2 - this.width / 2;
    const middle_y = insets.top + free_y / 2 - this.height / 2;
    this.x_m = (x0 + x1) / 2 - middle_x / this.scale;
    this.y_m = (y0 + y1) / 2 + middle_y / this.scale;
  }

  zoom(factor: number, x = this.width / 2, y = this.height / 2): void {
    const [x_m, y_m] = this.toFloor(x, y);
    this.scale = Math.min(Math.max(this.scale * factor, this.smallest), LARGEST_SCALE);
    this.x_m = x_m - (x - this.width / 2) / this.scale;
    this.y_m = y_m + (y - this.height / 2) / this.scale;
    this.clamp();
  }

  pan(dx: number, dy: number): void {
    this.x_m -= dx / this.scale;
    this.y_m += dy / this.scale;
    this.clamp();
  }

  centre([x_m, y_m]: Point, scale: number, dx = 0, dy = 0): void {
    this.scale = Math.min(Math.max(scale, this.smallest), LARGEST_SCALE);
    this.x_m = x_m - dx / this.scale;
    this.y_m = y_m + dy / this.scale;
    this.clamp();
  }

  toFloor(x: number, y: number): Point {
    return [this.x_m + (x - this.width / 2) / this.scale, this.y_m - (y - this.height / 2) / this.scale];
  }

  toScreen(x_m: number, y_m: number): Point {
    return [(x_m - this.x_m) * this.scale + this.width / 2, (this.y_m - y_m) * this.scale + this.height / 2];
  }

  /** Let `context` draw in metres. */
  apply(context: CanvasRenderingContext2D, ratio: number): void {
    const [x, y] = this.toScreen(0, 0);
    context.setTransform(this.scale * ratio, 0, 0, -this.scale * ratio, x * ratio, y * ratio);
  }

  /** Changes exactly when what is seen does. */
  get key(): string {
    return `${this.width} ${this.height} ${this.scale} ${this.x_m} ${this.y_m}`;
  }

  /** Some of the floor stays in sight. */
  private clamp(): void {
    const [x0, y0, x1, y1] = this.bounds;
    this.x_m = Math.min(Math.max(this.x_m, x0), x1);
    this.y_m = Math.min(Math.max(this.y_m, y0), y1);
  }
}
