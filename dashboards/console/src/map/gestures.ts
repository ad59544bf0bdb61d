import type { Viewport } from "./viewport";

const CLICK_PX = 5;
const KEY_PAN_PX = 60;

export interface Handlers {
  changed: () => void;
  clicked: (x: number, y: number) => void;
  hovered: (x: number, y: number) => void;
  left: () => void;
  fit: () => void;
}

/** Mouse, pen, touch and keyboard on the map; returns how to stop listening. */
export function listen(canvas: HTMLCanvasElement, viewport: Viewport, handlers: Handlers): () => void {
  const stop = new AbortController();
  const options = { signal: stop.signal };
  const fingers = new Map<number, { x: number; y: number }>();
  let moved = 0;

  const place = (event: MouseEvent) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const pinch = () => {
    const [a, b] = [...fingers.values()];
    return a && b ? { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, width: Math.hypot(a.x - b.x, a.y - b.y) } : null;
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, place(event));
    if (fingers.size === 1) moved = 0;
  }, options);

  canvas.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = fingers.get(event.pointerId);
    if (!before) {
      handlers.hovered(now.x, now.y);
      return;
    }
    const apart = pinch();
    fingers.set(event.pointerId, now);
    if (apart && fingers.size === 2) {
      const next = pinch()!;
      viewport.zoom(next.width / Math.max(apart.width, 1), next.x, next.y);
      viewport.pan(next.x - apart.x, next.y - apart.y);
      moved = CLICK_PX + 1;
    } else {
      moved += Math.hypot(now.x - before.x, now.y - before.y);
      if (moved > CLICK_PX) viewport.pan(now.x - before.x, now.y - before.y);
    }
    handlers.changed();
  }, options);

  const lifted = (event: PointerEvent) => {
    if (!fingers.delete(event.pointerId)) return;
    const { x, y } = place(event);
    if (event.type === "pointerup" && moved <= CLICK_PX && fingers.size === 0) handlers.clicked(x, y);
  };
  canvas.addEventListener("pointerup", lifted, options);
  canvas.addEventListener("pointercancel", lifted, options);
  canvas.addEventListener("pointerleave", handlers.left, options);

  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = place(event);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    viewport.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0018)), x, y);
    handlers.changed();
  }, { ...options, passive: false });

  canvas.addEventListener("dblclick", (event) => {
    const { x, y } = place(event);
    viewport.zoom(event.shiftKey ? 0.5 : 2, x, y);
    handlers.changed();
  }, options);

  canvas.addEventListener("keydown", (event) => {
    const actions: Record<string, () => void> = {
      ArrowLeft: () => viewport.pan(KEY_PAN_PX, 0),
      ArrowRight: () => viewport.pan(-KEY_PAN_PX, 0),
      ArrowUp: () => viewport.pan(0, KEY_PAN_PX),
      ArrowDown: () => viewport.pan(0, -KEY_PAN_PX),
      "+": () => viewport.zoom(1.3),
      "=": () => viewport.zoom(1.3),
      "-": () => viewport.zoom(1 / 1.3),
      "0": handlers.fit,
    };
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
    handlers.changed();
  }, options);

  return () => stop.abort();
}
