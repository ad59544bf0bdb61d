/** A dot can start at this many places inside a pixel, each way: it glides where whole pixels would make it hop. */
const PHASES = 4;

/** One dot as pixels, drawn for every place inside a pixel at which it may start. */
export interface Stamps {
  size: number;
  pixels: Uint32Array[];
}

/** Draw a dot of this radius, in device pixels, with an edge that sets it off from the heat. */
export function makeStamps(radius: number, fill: string, edge: string, edgeWidth: number): Stamps {
  const size = Math.ceil(2 * (radius + edgeWidth)) + 2;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const pixels = Array.from({ length: PHASES * PHASES }, (_, phase) => {
    context.clearRect(0, 0, size, size);
    context.beginPath();
    const x = (size - 1) / 2 + ((phase % PHASES) + 0.5) / PHASES;
    const y = (size - 1) / 2 + (Math.floor(phase / PHASES) + 0.5) / PHASES;
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
    context.strokeStyle = edge;
    context.lineWidth = edgeWidth;
    context.stroke();
    return new Uint32Array(context.getImageData(0, 0, size, size).data.buffer);
  });
  return { size, pixels };
}

/** A picture that dots are stamped into: without a graphics card five times as fast as two thousand arcs. */
export class StampSheet {
  private readonly context = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
  private image = new ImageData(1, 1);
  private pixels = new Uint32Array(1);

  /** Make it empty and as large as the map, in device pixels. */
  begin(width: number, height: number): void {
    if (this.image.width !== width || this.image.height !== height) {
      this.context.canvas.width = width;
      this.context.canvas.height = height;
      this.image = new ImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    } else {
      this.pixels.fill(0);
    }
  }

  /** Put a dot at a place in device pixels. Where two overlap, the more opaque pixel stays. */
  stamp({ size, pixels }: Stamps, x: number, y: number, opacity: number): void {
    const { width, height } = this.image;
    const left = x - (size - 1) / 2;
    const top = y - (size - 1) / 2;
    const x0 = Math.floor(left);
    const y0 = Math.floor(top);
    if (x0 < 0 || y0 < 0 || x0 + size > width || y0 + size > height) return;
    const phase = Math.floor((top - y0) * PHASES) * PHASES + Math.floor((left - x0) * PHASES);
    const from = pixels[phase]!;
    for (let row = 0; row < size; row++) {
      let to = (y0 + row) * width + x0;
      for (let i = row * size; i < (row + 1) * size; i++, to++) {
        const pixel = from[i]!;
        const alpha = ((pixel >>> 24) * opacity) | 0;
        if (alpha > this.pixels[to]! >>> 24) this.pixels[to] = ((pixel & 0xffffff) | (alpha << 24)) >>> 0;
      }
    }
  }

  /** Lay it over the map. */
  drawOn(context: CanvasRenderingContext2D): void {
    this.context.putImageData(this.image, 0, 0);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.context.canvas, 0, 0);
  }
}
