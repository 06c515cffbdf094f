import { figure } from "/app/core/format.js";
import { h } from "/app/ui/dom.js";
import { frame, path, s, widthOf } from "./svg.js";

const HEIGHT = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [40, 12, 10, 28];
const TICKS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000, 1_000_000];

/** The part of R Readers that n viewers at random are on: 1-(1-1/R)^n. */
export function predicted(viewers, readers) {
  return readers <= 1 ? 1 : -Math.expm1(viewers * Math.log1p(-1 / readers));
}

/** Measured points, one for channels of about the same audience, on the curve of random placement. */
export class CurveView {
  #plot = s("g");
  #caption = h("p", { class: "quiet" });
  #text = "";

  constructor() {
    this.element = h("section", { class: "plot", "aria-label": "Readers by audience" },
      h("h2", { class: "label" }, "Part of the Readers, by a channel's viewers"),
      frame(HEIGHT, "Measured points beside the prediction; the numbers stand below", this.#plot),
      this.#caption);
  }

  draw(state) {
    const { curve, readersTotal } = state;
    const width = widthOf(this.#plot);
    const most = Math.max(10, ...curve.map(([viewers]) => viewers));
    const x = (viewers) => LEFT + (Math.log(viewers) / Math.log(most)) * (width - LEFT - RIGHT);
    const y = (share) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
    const line = [];
    for (let step = 0; step <= 80 && readersTotal; step += 1) {
      const viewers = most ** (step / 80);
      line.push([x(viewers), y(predicted(viewers, readersTotal))]);
    }
    const channels = Math.max(1, ...curve.map(([, , , count]) => count));
    this.#plot.replaceChildren(
      ...[0, 0.5, 1].flatMap((share) => [
        s("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(share), y2: y(share) }),
        s("text", { class: "tick", x: LEFT - 8, y: y(share) + 4, "text-anchor": "end" }, `${100 * share}%`)]),
      ...TICKS.filter((viewers) => viewers <= most).map((viewers) =>
        s("text", { class: "tick", x: x(viewers), y: HEIGHT - 8, "text-anchor": "middle" }, figure(viewers))),
      s("path", { class: "predicted", d: path(line) }),
      ...curve.map(([viewers, measured, , count]) => s("circle", {
        class: "measured", cx: x(Math.max(1, viewers)).toFixed(1), cy: y(measured).toFixed(1),
        r: (2.5 + 4 * Math.sqrt(count / channels)).toFixed(1) })));
    const text = curve.length === 0 ? "" : `Points: measured, ${curve.length} groups of channels. Line: what random placement on ${readersTotal} Readers leads to, 1−(1−1/${readersTotal})ⁿ.`;
    if (text !== this.#text) this.#caption.textContent = this.#text = text;
  }
}
