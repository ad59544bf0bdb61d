/**
 * Colour ramps for heat. Lightness in OKLab rises (dark theme) or falls (light theme) linearly with the value,
 * so that equal differences look equal, in grey and to the colour-blind too.
 * OKLab: Björn Ottosson, "A perceptual color space for image processing" (2020).
 */

export const STEPS = 256;

interface Stops {
  lightness: [number, number];
  /** Degrees, from the smallest value to the largest, evenly spaced. */
  hue: number[];
  chroma: number[];
  /** Below this share of the scale, heat fades into the floor. */
  fade: number;
  opacity: number;
}

const DARK: Stops = {
  lightness: [0.3, 0.95],
  hue: [290, 318, 368, 408, 455],
  chroma: [0.13, 0.19, 0.2, 0.17, 0.13],
  fade: 0.22,
  opacity: 0.9,
};
const LIGHT: Stops = {
  lightness: [0.96, 0.4],
  hue: [95, 70, 45, 15, -25],
  chroma: [0.07, 0.14, 0.19, 0.2, 0.16],
  fade: 0.16,
  opacity: 0.85,
};

function along(stops: number[], part: number): number {
  const place = part * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const [a = 0, b = 0] = stops.slice(low, low + 2);
  return a + (b - a) * (place - low);
}

function gamma(linear: number): number {
  const clipped = Math.min(Math.max(linear, 0), 1);
  return Math.round(255 * (clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055));
}

function fromOklab(lightness: number, a: number, b: number): [number, number, number] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

/** One colour of the ramp as [red, green, blue, alpha], 0 to 255. */
function colour(stops: Stops, part: number): [number, number, number, number] {
  const hue = (along(stops.hue, part) * Math.PI) / 180;
  const chroma = along(stops.chroma, part);
  const [from, to] = stops.lightness;
  const rgb = fromOklab(from + (to - from) * part, chroma * Math.cos(hue), chroma * Math.sin(hue));
  const shown = Math.min(part / stops.fade, 1);
  return [...rgb, Math.round(255 * stops.opacity * shown * shown * (3 - 2 * shown))];
}

/** The ramp as pixels for a little-endian Uint32Array view of ImageData (every browser's machine is one). */
export function ramp(dark: boolean): Uint32Array {
  const pixels = new Uint32Array(STEPS);
  for (let step = 0; step < STEPS; step++) {
    const [red, green, blue, alpha] = colour(dark ? DARK : LIGHT, step / (STEPS - 1));
    pixels[step] = ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  }
  return pixels;
}
