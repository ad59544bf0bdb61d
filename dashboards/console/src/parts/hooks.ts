import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import { GatewayError } from "../api/client";
import { needsLogin } from "../state";

export interface Loaded<T> {
  data: T | null;
  failed: boolean;
  /** Why, in the gateway's own words, where it has said so. */
  problem?: string | null;
  busy: boolean;
  again: () => void;
}

/** Load something anew whenever `key` changes; what was there stays until the new has come. null: not yet. */
export function useLoad<T>(key: string | null, load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ data: T | null; failed: boolean; problem: string | null; busy: boolean }>({
    data: null,
    failed: false,
    problem: null,
    busy: true,
  });
  const [round, setRound] = useState(0);
  const latest = useRef(0);
  useEffect(() => {
    if (key === null) return;
    const mine = ++latest.current;
    setState((before) => ({ ...before, busy: true }));
    load().then(
      (data) => {
        if (mine === latest.current) setState({ data, failed: false, problem: null, busy: false });
      },
      (error: unknown) => {
        needsLogin(error);
        const problem = error instanceof GatewayError ? error.detail : null;
        if (mine === latest.current) setState((before) => ({ ...before, failed: true, problem, busy: false }));
      },
    );
  }, [key, round]);
  useEffect(() => () => void latest.current++, []);
  return { ...state, again: () => setRound((before) => before + 1) };
}

/** The browser's clock, ticking. */
export function useClock(every_ms: number): Signal<number> {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), every_ms);
    return () => clearInterval(timer);
  }, [every_ms]);
  return now;
}

/** How wide an element is, in pixels; 0 until it is there. */
export function useWidth(element: { current: HTMLElement | null }, there: boolean): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!element.current) return;
    const watch = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    watch.observe(element.current);
    return () => watch.disconnect();
  }, [there]);
  return width;
}
