const SHAPES = {
  live: "M9 4 3 6.5v13L9 17l6 2.5 6-2.5V4l-6 2.5zM9 4v13M15 6.5v13",
  zones: "M4 20V10M10 20V4M16 20v-8M22 20H2",
  flows: "M3 6c7 0 7 12 18 12M3 12h18M3 18C10 18 10 6 21 6",
  footfall: "M3 17l5-6 4 3 8-9M3 21h18",
  carpark: "M4 17v-4l2-6a2 2 0 0 1 1.9-1.3h8.2A2 2 0 0 1 18 7l2 6v4M4 13h16M4 17h16M6 17v2.5M18 17v2.5M7.5 15h.01M16.5 15h.01",
  events: "M12 8v4l3 2M12 21a9 9 0 1 0-9-9M3 21v-4h4",
  nodes: "M12 13v8M8.5 9.5a5 5 0 0 1 7 0M5.5 6.5a9.2 9.2 0 0 1 13 0M12 13h.01",
  sun: "M12 4V2M12 22v-2M4 12H2M22 12h-2M6.3 6.3 4.9 4.9M19.1 19.1l-1.4-1.4M6.3 17.7l-1.4 1.4M19.1 4.9l-1.4 1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0z",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  language: "M3 6h10M8 4v2M11 6c-1 4-4 7-7 8.5M5.5 9.5c1.5 2.5 3.5 4 6 5M13 20l4-10 4 10M14.5 17h5",
  keyboard: "M3 7h18v10H3zM7 10.5h.01M11 10.5h.01M15 10.5h.01M8 14h8M18.5 10.5h.01",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  layers: "m12 3 9 5-9 5-9-5zM3 13l9 5 9-5",
  close: "M6 6l12 12M18 6 6 18",
  search: "M16.5 16.5 21 21M18 11a7 7 0 1 1-14 0 7 7 0 0 1 14 0z",
  play: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14M16 5v14",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  down: "M6 9l6 6 6-6",
  up: "M6 15l6-6 6 6",
  enter: "M14 4h6v16h-6M3 12h11M10 8l4 4-4 4",
  leave: "M10 4H4v16h6M9 12h12M17 8l4 4-4 4",
  stay: "M12 7v5l3 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z",
  door: "M5 21V4l10-1.5V21M3 21h18M12 12h.01M15 5h4v16",
  warning: "M12 4 2.5 20h19zM12 10v4M12 17h.01",
  check: "M5 12.5 10 17l9-10",
  offline: "M3 3l18 18M8.5 9.5a5 5 0 0 1 3-1.4M5.5 6.5A9 9 0 0 1 8 4.9M15 9a5 5 0 0 1 .5.5M12 4a9 9 0 0 1 6.5 2.5M12 14v7",
  download: "M12 4v11M7 11l5 5 5-5M4 20h16",
  panel: "M4 5h16v14H4zM15 5v14",
  upload: "M12 15V4M7 8l5-5 5 5M4 20h16",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  bag: "M6 8h12l1 13H5zM9 10V7a3 3 0 0 1 6 0v3",
  "crm-here": "M12 21s7-6.2 7-11.5A7 7 0 0 0 5 9.5C5 14.8 12 21 12 21zM14.5 9.5a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z",
  "crm-members": "M15 8a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0zM4 20c.5-4 3.5-6 7.5-6s7 2 7.5 6",
  "crm-segments": "M12 3v9l7.5 5A9 9 0 1 1 12 3zM16 3.9A9 9 0 0 1 20.9 12H16z",
  "crm-audiences": "M4 6h10M4 11h10M4 16h6M14 17.5l2.5 2.5L21 15",
  "crm-figures": "M3 5h18l-6.5 7.5V19l-5 2v-8.5z",
  "crm-alerts": "M18 15V10a6 6 0 1 0-12 0v5l-2 3h16zM10 21h4",
  "crm-webhooks": "M13 3 5 13.5h6L10 21l8-10.5h-6z",
  "crm-consent": "M6 3h9l4 4v14H6zM9.5 14l2 2 4-4M14 3v5h5",
  shield: "M12 3l8 3v6c0 5-3.5 8-8 9-4.5-1-8-4-8-9V6z",
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}

/** The product's mark. */
export function Mark() {
  return (
    <svg class="mark" width="28" height="28" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M7 23V11.5a2 2 0 0 1 3.4-1.4L16 15.7l5.6-5.6a2 2 0 0 1 3.4 1.4V23" />
      <circle cx="16" cy="22.5" r="2.5" />
    </svg>
  );
}
