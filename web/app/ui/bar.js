import { hasAccounts } from "../identity.js";
import { Bell } from "./bell.js";
import { h, icon, iconButton } from "./dom.js";

const link = (name, label, href) => h("a", {
  class: "round plain", href, "aria-label": label, ...(location.pathname === href && { "aria-current": "page" }),
}, icon(name));

/** The bar above every page. `middle` are elements between the wordmark and the buttons. */
export function bar(openYou, ...middle) {
  return h("header", { class: "bar" },
    h("a", { class: "wordmark", href: "/" }, "Chorus"), ...middle,
    ...(hasAccounts ? [link("feed", "Posts", "/feed"), link("search", "Search", "/search")] : []),
    new Bell().button,
    iconButton("person", "You", async () => openYou((await import("./you.js")).openYou)));
}
