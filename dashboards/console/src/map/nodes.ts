import type { NodePlace, NodeState } from "../api/types";
import { FONT, type Colours } from "./colours";
import type { Viewport } from "./viewport";

const NAMES_FROM_SCALE = 7;

export function stateColour(state: NodeState | undefined, colours: Colours): string {
  return state === "online" ? colours.good : state === "silent" ? colours.warn : state === "offline" ? colours.bad : colours.muted;
}

/** The nodes where they hang, with their states; one that is not well also has another shape. */
export function drawNodes(
  context: CanvasRenderingContext2D,
  viewport: Viewport,
  ratio: number,
  nodes: NodePlace[],
  states: ReadonlyMap<string, NodeState>,
  colours: Colours,
): void {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.textAlign = "center";
  context.textBaseline = "top";
  context.font = `500 10px ${FONT}`;
  for (const node of nodes) {
    const [x, y] = viewport.toScreen(node.x_m, node.y_m);
    const state = states.get(node.id);
    context.beginPath();
    if (state === "online") context.arc(x, y, 5, 0, 2 * Math.PI);
    else {
      context.moveTo(x, y - 7);
      context.lineTo(x + 7, y + 5.5);
      context.lineTo(x - 7, y + 5.5);
      context.closePath();
    }
    context.fillStyle = stateColour(state, colours);
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = colours.halo;
    context.stroke();
    if (viewport.scale >= NAMES_FROM_SCALE || state !== "online") {
      context.lineWidth = 3;
      context.strokeText(node.id, x, y + 9);
      context.fillStyle = colours.label;
      context.fillText(node.id, x, y + 9);
    }
  }
}
