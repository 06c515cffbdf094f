import { Bell } from "./bell.js";
import { h, icon } from "./dom.js";

/** The bar above every page. `middle` are elements between the wordmark and the buttons. */
export function bar(openYou, ...middle) {
  return h("header", { class: "bar" },
    h("a", { class: "wordmark", href: "/" }, "Chorus"), ...middle,
    new Bell().button,
    h("button", { class: "round", type: "button", "aria-label": "You", onclick: async () => openYou((await import("./you.js")).openYou) },
      icon("person")));
}
