import type { Area, Heat } from "../api/types";
import { pathOf } from "./geometry";
import { STEPS } from "./ramp";

/** Pixels a cell: the field is smoothed to this before it is coloured. */
const FINE = 4;
const QUIET = 0.02;

/** Weights of a uniform cubic B-spline for the four cells round each of the FINE places inside a cell. */
const TAPS: { shift: number; weights: [number, number, number, number] }[] = Array.from({ length: FINE }, (_, i) => {
  const place = (i + 0.5) / FINE - 0.5;
  const shift = Math.floor(place);
  const u = place - shift;
  return {
    shift,
    weights: [(1 - u) ** 3 / 6, (3 * u ** 3 - 6 * u ** 2 + 4) / 6, (-3 * u ** 3 + 3 * u ** 2 + 3 * u + 1) / 6, u ** 3 / 6],
  };
});

/** Smooth `lines` lines of `length` values (elements `step` apart, lines `stride` apart) to FINE times as many. */
function refine(from: Float32Array, length: number, lines: number, across: boolean): Float32Array {
  const to = new Float32Array(from.length * FINE);
  const step = across ? lines : 1;
  for (let line = 0; line < lines; line++) {
    const start = across ? line : line * length;
    const begin = across ? line : line * length * FINE;
    for (let i = 0; i < length; i++) {
      for (let part = 0; part < FINE; part++) {
        const { shift, weights } = TAPS[part]!;
        let sum = 0;
        for (let tap = 0; tap < 4; tap++) {
          const cell = i + shift - 1 + tap;
          if (cell >= 0 && cell < length) sum += weights[tap]! * from[start + cell * step]!;
        }
        to[begin + (i * FINE + part) * step] = sum;
      }
    }
  }
  return to;
}

const NICE = [1, 2, 3, 4, 6, 8, 10];

/** The smallest round number (1, 2, 3, 4, 6, 8, 10, 20, ...) that is not below `value`. */
export function nice(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-6)));
  return power * (NICE.find((step) => step * power >= value * 0.999) ?? 10);
}

/** Draws heat from cells: each frame fades into the next, so the picture moves on between frames. */
export class HeatLayer {
  /** Phones per 100 m² at the upper end of the colours. */
  top = 5;
  private shape = "";
  private columns = 0;
  private rows = 0;
  private bounds = { x_m: 0, y_m: 0, width_m: 0, height_m: 0 };
  private before: Float32Array = new Float32Array(0);
  private after: Float32Array = new Float32Array(0);
  private inside = new Uint8Array(0);
  private image: ImageData | null = null;
  private readonly canvas = document.createElement("canvas");
  private painted = "";

  clear(): void {
    this.shape = "";
  }

  /** Take the next frame; `shown` is how far (0 to 1) the last one had been faded in. */
  next(heat: Heat, outline: Area, shown: number): void {
    const shape = [heat.nx, heat.ny, heat.x0_m, heat.y0_m, heat.cell_m].join();
    const grid = new Float32Array(heat.nx * heat.ny);
    const perHundred = 100 / heat.cell_m ** 2;
    heat.index.forEach((cell, i) => {
      if (cell < grid.length) grid[cell] = (heat.value[i] ?? 0) * perHundred;
    });
    const fine = refine(refine(grid, heat.nx, heat.ny, false), heat.ny, heat.nx * FINE, true);
    if (shape === this.shape) {
      this.settle(shown);
    } else {
      this.reshape(heat, outline);
      this.shape = shape;
      this.before = fine;
    }
    this.after = fine;
    this.rescale(fine);
    this.painted = "";
  }

  /** Draw onto a context that works in metres; `shown` goes from the frame before (0) to the newest (1). */
  draw(context: CanvasRenderingContext2D, shown: number, colours: Uint32Array): void {
    if (!this.image || !this.shape) return;
    const key = `${shown.toFixed(3)} ${colours[STEPS - 1]}`;
    if (key !== this.painted) this.paint(shown, colours);
    this.painted = key;
    const { x_m, y_m, width_m, height_m } = this.bounds;
    context.imageSmoothingEnabled = true;
    context.drawImage(this.canvas, x_m, y_m, width_m, height_m);
  }

  private paint(shown: number, colours: Uint32Array): void {
    const pixels = new Uint32Array(this.image!.data.buffer);
    const { before, after, inside } = this;
    const scale = (STEPS - 1) / this.top;
    for (let i = 0; i < pixels.length; i++) {
      const value = (before[i]! + (after[i]! - before[i]!) * shown) * scale;
      pixels[i] = inside[i] === 0 || value < QUIET ? 0 : colours[value > STEPS - 1 ? STEPS - 1 : value | 0]!;
    }
    this.canvas.getContext("2d")!.putImageData(this.image!, 0, 0);
  }

  /** What is on the screen becomes what is faded out, so that a frame that comes early makes no jump. */
  private settle(shown: number): void {
    const now = new Float32Array(this.after.length);
    for (let i = 0; i < now.length; i++) now[i] = this.before[i]! + (this.after[i]! - this.before[i]!) * shown;
    this.before = now;
  }

  private reshape(heat: Heat, outline: Area): void {
    this.columns = heat.nx * FINE;
    this.rows = heat.ny * FINE;
    this.bounds = { x_m: heat.x0_m, y_m: heat.y0_m, width_m: heat.nx * heat.cell_m, height_m: heat.ny * heat.cell_m };
    this.canvas.width = this.columns;
    this.canvas.height = this.rows;
    const context = this.canvas.getContext("2d", { willReadFrequently: true })!;
    context.setTransform(FINE / heat.cell_m, 0, 0, FINE / heat.cell_m, (-heat.x0_m * FINE) / heat.cell_m, (-heat.y0_m * FINE) / heat.cell_m);
    context.fill(pathOf(outline), "evenodd");
    const mask = context.getImageData(0, 0, this.columns, this.rows).data;
    this.inside = Uint8Array.from({ length: this.columns * this.rows }, (_, i) => (mask[i * 4 + 3]! > 127 ? 1 : 0));
    this.image = context.createImageData(this.columns, this.rows);
    this.top = 0;
  }

  /** The colours' upper end is a round number near the densest places, and changes only when it must. */
  private rescale(field: Float32Array): void {
    const sample = field.filter((value, i) => value > 0.05 && this.inside[i] === 1).sort();
    const high = sample[Math.floor(sample.length * 0.995)] ?? 1;
    if (this.top === 0 || high > this.top * 1.15 || high < this.top * 0.6) this.top = Math.max(nice(high), 1);
  }
}
