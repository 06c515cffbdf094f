import { figure } from "/app/core/common.js";
import { h } from "/app/ui/dom.js";

const HEIGHT = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 12, 10, 28];
const TICKS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000, 1_000_000];
/** The axis never shows less than this: a residual of nothing is not blown up to a drama. */
const LEAST = 0.02;

/** The part of R Readers that n viewers at random are on: 1-(1-1/R)^n. */
function predicted(viewers, readers) {
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

/** An SVG element. */
function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A line through points `[x, y]`; null begins anew. */
function path(points) {
  let text = "";
  let isDown = false;
  for (const point of points) {
    if (point) text += `${isDown ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    isDown = point !== null;
  }
  return text;
}

/** Kept, because to ask an element that was just drawn for its width makes the browser lay out the page at once. */
const widths = new WeakMap();
const sizes = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) widths.set(target, contentRect.width);
});

/** A drawing as wide as its place, so that its text has the size of other text. */
function frame(height, says, ...children) {
  const element = s("svg", { height, role: "img", "aria-label": says }, ...children);
  sizes.observe(element);
  return element;
}

function widthOf(child) {
  return Math.max(240, widths.get(child.ownerSVGElement) ?? child.ownerSVGElement.clientWidth);
}
