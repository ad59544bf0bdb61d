import { FONT, type Colours } from "./colours";
import type { Drawn } from "./plan";
import type { Viewport } from "./viewport";

export interface LabelText {
  name: string;
  /** The occupancy as it is shown, "<5" where it was withheld; null: none known, no badge. */
  count: string | null;
}

interface Placed {
  x: number;
  y: number;
  width: number;
  height: number;
}

const LINE = 1.18;
const BADGE_HEIGHT = 17;
const GAP = 3;
/** Badges keep this width whatever they say, so that labels do not come and go with the numbers. */
const BADGE_WIDTH = 30;

const measured = new Map<string, number>();

function widthOf(context: CanvasRenderingContext2D, text: string, font: string): number {
  const key = `${font}|${text}`;
  let width = measured.get(key);
  if (width === undefined) {
    context.font = font;
    width = context.measureText(text).width;
    if (measured.size > 4000) measured.clear();
    measured.set(key, width);
  }
  return width;
}

/** Two lines as even as can be: at a space, or in the middle of a name without spaces. */
function halves(name: string): string[] | null {
  const words = name.split(" ");
  if (words.length > 1) {
    const cuts = words.slice(1).map((_, i) => [words.slice(0, i + 1).join(" "), words.slice(i + 1).join(" ")]);
    return cuts.sort((a, b) => Math.max(...a.map((s) => s.length)) - Math.max(...b.map((s) => s.length)))[0] ?? null;
  }
  if (!/[\u3400-\u9fff]/.test(name) || name.length < 4) return null;
  const middle = Math.ceil(name.length / 2);
  return [name.slice(0, middle), name.slice(middle)];
}

function overlaps(a: Placed, b: Placed): boolean {
  return a.x < b.x + b.width + 2 && b.x < a.x + a.width + 2 && a.y < b.y + b.height + 1 && b.y < a.y + a.height + 1;
}

/** Writes names and occupancies onto the floor: what does not fit into its shop or would cover another is left out. */
export class Labels {
  draw(
    context: CanvasRenderingContext2D,
    viewport: Viewport,
    ratio: number,
    zones: Drawn[],
    textOf: (drawn: Drawn) => LabelText,
    colours: Colours,
    show: { names: boolean; counts: boolean },
    always: string | null,
  ): void {
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.textAlign = "center";
    context.textBaseline = "middle";
    const taken: Placed[] = [];
    const area = ({ box }: Drawn) => (box.x1 - box.x0) * (box.y1 - box.y0);
    const order = [...zones].sort(
      (a, b) => Number(b.zone.id === always) - Number(a.zone.id === always) || kindRank(a) - kindRank(b) || area(b) - area(a),
    );
    for (const drawn of order) this.place(context, viewport, drawn, textOf(drawn), colours, show, drawn.zone.id === always, taken);
  }

  private place(
    context: CanvasRenderingContext2D,
    viewport: Viewport,
    drawn: Drawn,
    text: LabelText,
    colours: Colours,
    show: { names: boolean; counts: boolean },
    always: boolean,
    taken: Placed[],
  ): void {
    const [x, y] = viewport.toScreen(...drawn.zone.label);
    if (x < -100 || y < -50 || x > viewport.width + 100 || y > viewport.height + 50) return;
    const room = { width: drawn.room.width_m * viewport.scale - 6, height: drawn.room.height_m * viewport.scale - 4 };
    const count = show.counts ? text.count : null;
    const largest = Math.min(10.5 + Math.max(viewport.scale - 4, 0) * 0.35, 15);
    const two = halves(text.name);
    const tries: { lines: string[]; size: number; count: string | null }[] = [];
    if (show.names) {
      for (const kept of count === null ? [null] : [count, null])
        for (const size of [largest, 10])
          for (const lines of two ? [[text.name], two] : [[text.name]]) tries.push({ lines, size, count: kept });
    }
    if (count !== null) tries.push({ lines: [], size: 10, count });
    if (always && show.names) tries.push({ lines: [text.name], size: largest, count });
    for (const [i, attempt] of tries.entries()) {
      const forced = always && i === tries.length - 1;
      const font = `${drawn.zone.kind === "shop" ? 550 : 500} ${attempt.size}px ${FONT}`;
      const widths = attempt.lines.map((line) => widthOf(context, line, font));
      const width = Math.max(...widths, attempt.count === null ? 0 : BADGE_WIDTH);
      const words = attempt.lines.length * attempt.size * LINE;
      const height = words + (attempt.count === null ? 0 : BADGE_HEIGHT + (words > 0 ? GAP : 0));
      if (!forced && (width > room.width || height > room.height)) continue;
      const box = { x: x - width / 2, y: y - height / 2, width, height };
      if (!forced && taken.some((other) => overlaps(box, other))) continue;
      taken.push(box);
      this.write(context, attempt, font, box, x, colours, drawn.zone.kind === "shop");
      return;
    }
  }

  private write(
    context: CanvasRenderingContext2D,
    { lines, size, count }: { lines: string[]; size: number; count: string | null },
    font: string,
    box: Placed,
    x: number,
    colours: Colours,
    shop: boolean,
  ): void {
    let y = box.y;
    context.font = font;
    context.lineJoin = "round";
    context.lineWidth = 3;
    context.strokeStyle = colours.halo;
    context.fillStyle = shop ? colours.label : colours.muted;
    for (const line of lines) {
      context.strokeText(line, x, y + (size * LINE) / 2);
      context.fillText(line, x, y + (size * LINE) / 2);
      y += size * LINE;
    }
    if (count === null) return;
    if (lines.length > 0) y += GAP;
    const badgeFont = `600 11px ${FONT}`;
    const width = Math.max(widthOf(context, count, badgeFont) + 12, 22);
    context.beginPath();
    context.roundRect(x - width / 2, y, width, BADGE_HEIGHT, BADGE_HEIGHT / 2);
    context.fillStyle = colours.badge;
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = colours.badgeEdge;
    context.stroke();
    context.font = badgeFont;
    context.fillStyle = colours.badgeText;
    context.fillText(count, x, y + BADGE_HEIGHT / 2 + 0.5);
  }
}

function kindRank({ zone }: Drawn): number {
  return zone.kind === "shop" ? 0 : zone.kind === "corridor" ? 2 : 1;
}
