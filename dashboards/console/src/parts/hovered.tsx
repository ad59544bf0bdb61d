import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

const shown = signal<{ id: string; text: string; x: number; y: number } | null>(null);
const MARGIN_PX = 12;
const WIDTH_PX = 300;

/** Words that explain themselves while the pointer or the focus is on them. */
export function Explained({ text, children }: { text: string; children: ComponentChildren }) {
  const id = useId();
  const show = (event: { currentTarget: HTMLElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    const x = Math.min(Math.max(box.left, MARGIN_PX), window.innerWidth - WIDTH_PX - MARGIN_PX);
    shown.value = { id, text, x: Math.max(x, MARGIN_PX), y: box.bottom + 6 };
  };
  const hide = () => shown.value?.id === id && (shown.value = null);
  return (
    <button
      type="button"
      class="explained"
      aria-describedby={id}
      onClick={show}
      onMouseEnter={show}
      onMouseLeave={hide}
      onFocus={show}
      onBlur={hide}
      onKeyDown={(event) => event.key === "Escape" && hide()}
    >
      {children}
      <span id={id} class="visually-hidden">
        {text}
      </span>
    </button>
  );
}

/** Where the explanation is drawn: over everything, so that no table cuts it off. */
export function Explanation() {
  const now = shown.value;
  if (!now) return null;
  return (
    <div class="explanation" aria-hidden="true" style={{ left: `${now.x}px`, top: `${now.y}px` }}>
      {now.text}
    </div>
  );
}
