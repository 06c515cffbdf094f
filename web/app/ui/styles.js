import { h } from "./dom.js";

/** The styles that only some pages need, once they are there: a file of the app. */
export function styles(name) {
  return new Promise((resolve) => {
    document.head.append(h("link", { rel: "stylesheet", href: `/app/${name}.css`, onload: resolve, onerror: resolve }));
  });
}
