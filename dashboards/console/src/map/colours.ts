/** The map's colours, read from the style sheet so that there is one place for all of them. */
export interface Colours {
  void: string;
  floor: string;
  corridor: string;
  shop: string;
  other: string;
  wall: string;
  edge: string;
  label: string;
  halo: string;
  muted: string;
  badge: string;
  badgeText: string;
  badgeEdge: string;
  dot: string;
  dotEdge: string;
  accent: string;
  good: string;
  warn: string;
  bad: string;
}

export function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    void: read("map-void"),
    floor: read("map-floor"),
    corridor: read("map-corridor"),
    shop: read("map-shop"),
    other: read("map-other"),
    wall: read("map-wall"),
    edge: read("map-edge"),
    label: read("map-label"),
    halo: read("map-halo"),
    muted: read("map-muted"),
    badge: read("map-badge"),
    badgeText: read("map-badge-text"),
    badgeEdge: read("map-badge-edge"),
    dot: read("map-dot"),
    dotEdge: read("map-dot-edge"),
    accent: read("accent"),
    good: read("good"),
    warn: read("warn"),
    bad: read("bad"),
  };
}

export const FONT = '"Inter Variable", system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif';
