/** An element: `h("button", {class: "send", type: "button", onclick}, "Send")`. Text is always a text node. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const PATHS = {
  heart: "M12 20.5C6 16 3 13 3 9c0-3 2-5 4.6-5 1.8 0 3.4 1 4.4 2.6C13 5 14.6 4 16.4 4 19 4 21 6 21 9c0 4-3 7-9 11.5z",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.5 2h-15zM10 21.5h4",
  person: "M12 12.5a4.2 4.2 0 1 0 0-8.5 4.2 4.2 0 0 0 0 8.5zM4 21c.8-3.6 4-5.5 8-5.5s7.2 1.9 8 5.5",
  pause: "M8.5 5v14M15.5 5v14",
  play: "M8 5l11 7-11 7z",
  down: "M12 4.5v14M6 13l6 6 6-6",
  send: "M4.5 12h14M13 6l6 6-6 6",
  feed: "M4 6h16M4 12h16M4 18h10",
  comment: "M4 5h16v11H11l-5 4v-4H4z",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L21 21",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
};

/** A line drawing of 24 px that says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button of 44 px that shows an icon only. */
export function iconButton(name, label, onclick, properties = {}) {
  return h("button", { class: "round", type: "button", "aria-label": label, onclick, ...properties }, icon(name));
}
