/** An SVG element. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A line through points `[x, y]`; null begins anew. */
export function path(points) {
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
export function frame(height, says, ...children) {
  const element = s("svg", { height, role: "img", "aria-label": says }, ...children);
  sizes.observe(element);
  return element;
}

export function widthOf(child) {
  return Math.max(240, widths.get(child.ownerSVGElement) ?? child.ownerSVGElement.clientWidth);
}
