import { h } from "/app/ui/dom.js";
import { frame, path, s, widthOf } from "./svg.js";

const HEIGHT = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 12, 10, 28];
/** The axis never shows less than this: a residual of nothing is not blown up to a drama. */
const LEAST = 0.02;

/** Measured less predicted over time, within the 95% interval of random placement; changes of placement are marked. */
export class ResidualView {
  #plot = s("g");
  #caption = h("p", { class: "quiet" });

  constructor() {
    this.element = h("section", { class: "plot", "aria-label": "Residual over time" },
      h("h2", { class: "label" }, "Measured less predicted, over time"),
      frame(HEIGHT, "The residual and its 95% interval; the last values stand below", this.#plot),
      this.#caption);
  }

  draw(points, marks) {
    const known = points.filter(({ share, predicted }) => share !== null && predicted !== null);
    if (known.length < 2) return this.#plot.replaceChildren();
    const width = widthOf(this.#plot);
    const [first, last] = [known[0].time, known.at(-1).time];
    const drawn = thinned(known, 2 * (last - first) / width);
    const most = known.reduce((sofar, { share, predicted, half }) =>
      Math.max(sofar, Math.abs(share - predicted), half ?? 0), LEAST) * 1.1;
    const x = (time) => LEFT + ((time - first) / Math.max(1, last - first)) * (width - LEFT - RIGHT);
    const y = (value) => TOP + ((most - value) / (2 * most)) * (HEIGHT - TOP - BOTTOM);
    const upper = drawn.map(({ time, half }) => [x(time), y(half ?? 0)]);
    const lower = drawn.map(({ time, half }) => [x(time), y(-(half ?? 0))]).reverse();
    const ticks = [most / 1.1, 0, -most / 1.1];
    this.#plot.replaceChildren(
      s("path", { class: "interval", d: `${path([...upper, ...lower])}Z` }),
      ...ticks.flatMap((value) => [
        s("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
        s("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" },
          `${value > 0 ? "+" : ""}${(100 * value).toFixed(Math.abs(value) < 0.1 ? 1 : 0)}%`)]),
      s("text", { class: "tick", x: LEFT, y: HEIGHT - 8 }, ago(last - first)),
      s("text", { class: "tick", x: width - RIGHT, y: HEIGHT - 8, "text-anchor": "end" }, "now"),
      ...marks.filter(({ time }) => time >= first).flatMap(({ time, to }) => {
        const isLeft = x(time) < width / 2;
        return [
          s("line", { class: "mark", x1: x(time), x2: x(time), y1: TOP, y2: HEIGHT - BOTTOM }),
          s("text", { class: "mark-text", x: x(time) + (isLeft ? 5 : -5), y: TOP + 12, "text-anchor": isLeft ? "start" : "end" }, to)];
      }),
      s("path", { class: "residual", d: path(drawn.map(({ time, share, predicted }) => [x(time), y(share - predicted)])) }));
    const { share, predicted, half } = known.at(-1);
    const signed = `${share >= predicted ? "+" : "−"}${(100 * Math.abs(share - predicted)).toFixed(2)}%`;
    this.#caption.textContent =
      `Now ${signed}: ${(100 * share).toFixed(1)}% measured, ${(100 * predicted).toFixed(1)}% predicted for random placement, 95% within ±${(100 * half).toFixed(2)}%.`;
    return undefined;
  }
}

/** The last point of each stretch of time: one for two pixels is as much as one can see. */
function thinned(points, stretch) {
  const place = ({ time }) => Math.floor(time / Math.max(1, stretch));
  return points.filter((point, at) => at === points.length - 1 || place(point) !== place(points[at + 1]));
}

function ago(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 120 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
}
