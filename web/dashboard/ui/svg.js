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

/** A drawing as wide as its place, so that its text has the size of other text. */
export function frame(height, says, ...children) {
  return s("svg", { height, role: "img", "aria-label": says }, ...children);
}

export function widthOf(child) {
  return Math.max(240, child.ownerSVGElement.clientWidth);
}
