/** Lightness, chroma, hue. Monotone in lightness; reversed on a light ground. */
const STOPS = [
  [0.22, 0.03, 285], [0.38, 0.11, 300], [0.55, 0.17, 350], [0.7, 0.16, 40], [0.86, 0.14, 85],
];
/** The least that a cell with any subscription gets: one of 64 channels is seen. */
const FLOOR = 0.24;

/** Of Björn Ottosson's oklab, to sRGB: three numbers of 0 to 255. What is out of gamut loses chroma, not lightness. */
export function oklch(lightness, chroma, hue) {
  for (let part = 1; ; part -= 0.05) {
    const linear = toLinear(lightness, Math.max(0, chroma * part), (hue * Math.PI) / 180);
    if (part <= 0 || linear.every((value) => value >= -1e-4 && value <= 1.0001)) {
      return linear.map((value) => Math.round(255 * gamma(Math.min(1, Math.max(0, value)))));
    }
  }
}

function toLinear(lightness, chroma, angle) {
  const [a, b] = [chroma * Math.cos(angle), chroma * Math.sin(angle)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

const gamma = (value) => (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);

/** The colour of a mean of 0 to 1, as `[red, green, blue]`. */
export function colour(mean, isLight) {
  const seen = mean <= 0 ? 0 : FLOOR + (1 - FLOOR) * Math.min(1, mean);
  // The light ramp has the same stops in the other order, so that more is further from the ground in both.
  const place = (isLight ? 1 - seen : seen) * (STOPS.length - 1);
  const from = Math.min(STOPS.length - 2, Math.floor(place));
  const part = place - from;
  const [first, second] = [STOPS[from], STOPS[from + 1]];
  const turn = ((second[2] - first[2] + 540) % 360) - 180;
  return oklch(
    first[0] + (second[0] - first[0]) * part, first[1] + (second[1] - first[1]) * part, first[2] + turn * part);
}

/** The whole ramp as pixels, `steps` of them; the first is that of nothing. */
export function ramp(isLight, steps = 256) {
  const pixels = new Uint32Array(steps);
  const bytes = new Uint8Array(pixels.buffer);
  for (let step = 0; step < steps; step += 1) {
    const [red, green, blue] = colour(step === 0 ? 0 : step / (steps - 1), isLight);
    bytes.set([red, green, blue, 255], step * 4);
  }
  return pixels;
}
