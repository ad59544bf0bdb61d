import type { Floor, Zone } from "../api/types";
import type { Colours } from "./colours";
import { type Box, boxOf, pathOf, roomAt } from "./geometry";
import type { Viewport } from "./viewport";

export interface Drawn {
  zone: Zone;
  path: Path2D;
  box: Box;
  room: { width_m: number; height_m: number };
}

/** One floor, its shapes made once. */
export class Plan {
  readonly zones: Drawn[];
  private readonly outline: Path2D;

  constructor(readonly floor: Floor) {
    this.outline = pathOf(floor.outline);
    this.zones = floor.zones.map((zone) => ({
      zone,
      path: pathOf(zone.area),
      box: boxOf(zone.area),
      room: roomAt(zone.area, zone.label),
    }));
  }

  /** What lies under the heat: the floor, its shops and corridors as surfaces. */
  drawGround(context: CanvasRenderingContext2D, viewport: Viewport, ratio: number, colours: Colours): void {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = colours.void;
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    viewport.apply(context, ratio);
    context.save();
    context.shadowColor = "rgb(0 0 0 / 35%)";
    context.shadowBlur = 28 * ratio;
    context.shadowOffsetY = 10 * ratio;
    context.fillStyle = colours.floor;
    context.fill(this.outline, "evenodd");
    context.restore();
    for (const { zone, path } of this.zones) {
      context.fillStyle =
        zone.kind === "corridor" ? colours.corridor : zone.kind === "shop" ? colours.shop : colours.other;
      context.fill(path, "evenodd");
    }
  }

  /** What lies over the heat: walls and the outline. */
  drawWalls(context: CanvasRenderingContext2D, viewport: Viewport, ratio: number, colours: Colours): void {
    viewport.apply(context, ratio);
    context.lineJoin = "round";
    context.strokeStyle = colours.wall;
    context.lineWidth = 1 / viewport.scale;
    for (const { zone, path } of this.zones) if (zone.kind !== "corridor") context.stroke(path);
    context.strokeStyle = colours.edge;
    context.lineWidth = 2 / viewport.scale;
    context.stroke(this.outline);
  }

  /** Mark one zone: under the pointer, or chosen. */
  drawMark(context: CanvasRenderingContext2D, viewport: Viewport, ratio: number, id: string, colour: string, width: number): void {
    const drawn = this.zones.find((each) => each.zone.id === id);
    if (!drawn) return;
    viewport.apply(context, ratio);
    context.lineJoin = "round";
    context.strokeStyle = colour;
    context.lineWidth = width / viewport.scale;
    context.stroke(drawn.path);
  }
}
