import { effect, signal } from "@preact/signals";

import { api } from "./api/client";
import { floorId, needsLogin, nowMs, pastAt, pastFrame } from "./state";

export const SPEEDS = [10, 60, 300] as const;
/** Frames of the past asked for while playing, a second of the viewer's. */
const FRAMES_PER_S = 2;

export const playing = signal(false);
export const speed = signal<number>(60);
/** The moment asked for is not in the store, or the store cannot be reached. */
export const pastFailed = signal(false);

let busy = false;
let wanted: { floor: string; t_ms: number } | null = null;

/** Ask for the moment wanted last; whatever was wanted in between is passed over. */
async function load(): Promise<void> {
  if (busy) return;
  busy = true;
  while (wanted) {
    const { floor, t_ms } = wanted;
    wanted = null;
    try {
      const found = await api.frame(floor, t_ms);
      if (pastAt.value !== null) pastFrame.value = found;
      pastFailed.value = false;
    } catch (error) {
      pastFailed.value = !needsLogin(error);
    }
  }
  busy = false;
}

effect(() => {
  if (pastAt.value === null) {
    wanted = null;
    pastFrame.value = null;
    pastFailed.value = false;
    playing.value = false;
    return;
  }
  wanted = { floor: floorId.value, t_ms: pastAt.value };
  void load();
});

effect(() => {
  if (!playing.value) return;
  const timer = window.setInterval(() => step((1000 / FRAMES_PER_S) * speed.peek()), 1000 / FRAMES_PER_S);
  return () => clearInterval(timer);
});

/** Show a moment of the past; one that is not past is live. */
export function showMoment(t_ms: number): void {
  pastAt.value = nowMs.peek() !== null && t_ms < nowMs.peek()! - 1000 ? t_ms : null;
}

export function step(ms: number): void {
  const from = pastAt.peek() ?? nowMs.peek();
  if (from !== null) showMoment(from + ms);
}

export function backToLive(): void {
  pastAt.value = null;
}
