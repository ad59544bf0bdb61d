import type { Area, Point, Zone } from "../api/types";

export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

function polygons(area: Area): Point[][][] {
  return area.type === "Polygon" ? [area.coordinates] : area.coordinates;
}

/** The area as a path in metres; holes by the even-odd rule. */
export function pathOf(area: Area): Path2D {
  const path = new Path2D();
  for (const ring of polygons(area).flat()) {
    ring.forEach(([x, y], i) => (i === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
    path.closePath();
  }
  return path;
}

export function boxOf(area: Area): Box {
  const points = polygons(area).flat(2);
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys) };
}

/** Whether a point is inside, by the even-odd rule over all rings. */
export function contains(area: Area, [x, y]: Point): boolean {
  let inside = false;
  for (const ring of polygons(area).flat()) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [ax, ay] = ring[i]!;
      const [bx, by] = ring[j]!;
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
    }
  }
  return inside;
}

/** How far one can go left and right, and up and down, from a point before leaving the area: room for a label. */
export function roomAt(area: Area, [x, y]: Point): { width_m: number; height_m: number } {
  const gaps = { left: Infinity, right: Infinity, down: Infinity, up: Infinity };
  for (const ring of polygons(area).flat()) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [ax, ay] = ring[i]!;
      const [bx, by] = ring[j]!;
      if (ay > y !== by > y) {
        const gap = ((bx - ax) * (y - ay)) / (by - ay) + ax - x;
        if (gap >= 0) gaps.right = Math.min(gaps.right, gap);
        else gaps.left = Math.min(gaps.left, -gap);
      }
      if (ax > x !== bx > x) {
        const gap = ((by - ay) * (x - ax)) / (bx - ax) + ay - y;
        if (gap >= 0) gaps.up = Math.min(gaps.up, gap);
        else gaps.down = Math.min(gaps.down, -gap);
      }
    }
  }
  const width_m = 2 * Math.min(gaps.left, gaps.right);
  const height_m = 2 * Math.min(gaps.up, gaps.down);
  return Number.isFinite(width_m + height_m) ? { width_m, height_m } : { width_m: 0, height_m: 0 };
}

/** The zone at a point: the smallest, where a shop lies inside a corridor's polygon. */
export function zoneAt(zones: Zone[], point: Point): Zone | null {
  const size = (zone: Zone) => {
    const box = boxOf(zone.area);
    return (box.x1 - box.x0) * (box.y1 - box.y0);
  };
  const hit = zones.filter((zone) => contains(zone.area, point));
  return hit.sort((a, b) => size(a) - size(b))[0] ?? null;
}
