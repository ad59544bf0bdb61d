import { useEffect, useRef } from "preact/hooks";

import { short } from "../format";
import { t } from "../i18n";
import { STEPS } from "../map/ramp";
import { dark } from "../settings";

/** What the heat's colours mean. */
export function Legend({ top, colours }: { top: number; colours: Uint32Array | undefined }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!colours || !canvas.current) return;
    const context = canvas.current.getContext("2d")!;
    const image = context.createImageData(STEPS, 1);
    new Uint32Array(image.data.buffer).set(colours);
    context.putImageData(image, 0, 0);
  }, [colours, top, dark.value]);
  if (top === 0) return null;
  return (
    <figure class="legend">
      <figcaption>{t("map.legend")}</figcaption>
      <canvas ref={canvas} width={STEPS} height={1} aria-hidden="true" />
      <div class="legend-scale">
        <span>0</span>
        <span>{short(top / 2)}</span>
        <span>≥ {short(top)}</span>
      </div>
    </figure>
  );
}
