import { api } from "../api.js";
import { figure } from "../core/common.js";
import { hasAccounts, identity } from "../identity.js";
import { live } from "../live/live.js";
import { h, icon, iconButton } from "./dom.js";

const KEPT_MAX = 50;

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

/** The bell in the bar: what this person is told, live. */
class Bell {
  #items = new Map();
  #unread = 0;
  #stream = null;
  #list = null;
  #problem = "";

  constructor() {
    this.count = h("span", { class: "badge figure" });
    this.button = iconButton("bell", "Notifications", () => this.#open());
    this.button.append(this.count);
    identity.addEventListener("change", () => this.#start());
    this.#start();
  }

  async #start() {
    this.#stream?.stop();
    this.#items.clear();
    this.#unread = 0;
    this.#paint();
    if (!identity.isNamed) return;
    const { userid } = identity;
    this.#stream = live.follow({ userid, notifications: "true" }, [], ({ events }) => {
      for (const { event, value } of events ?? []) if (event === "notification") this.#take(value, true);
      this.#paint();
    });
    const { status, body, error } = await api.notifications(userid);
    if (userid !== identity.userid) return;
    const refusal = status === 501 ? "They are not kept here: there is no database." : error ?? "Nobody answers.";
    this.#problem = status === 200 ? "" : refusal;
    for (const one of (body.notifications ?? []).reverse()) if (!this.#items.has(one.id)) this.#take(one, false);
    this.#unread = body.unread ?? this.#unread;
    this.#paint();
  }

  #take(one, isNews) {
    // One that grows comes again with the same id, and goes to the front.
    const before = this.#items.get(one.id);
    this.#items.delete(one.id);
    this.#items.set(one.id, one);
    if (this.#items.size > KEPT_MAX) this.#items.delete(this.#items.keys().next().value);
    if (isNews && !before?.unread) this.#unread += 1;
  }

  async #open() {
    const { openNotices } = await import("./notices.js");
    this.#list = openNotices(() => {
      this.#list = null;
      for (const one of this.#items.values()) one.unread = false;
    });
    this.#paint();
    if (this.#unread && identity.isNamed) api.read(identity.userid);
    this.#unread = 0;
    this.#paint();
  }

  #paint() {
    this.count.textContent = this.#unread ? (this.#unread > 99 ? "99" : figure(this.#unread)) : "";
    this.button.setAttribute("aria-label", this.#unread ? `Notifications, ${this.#unread} new` : "Notifications");
    this.#list?.([...this.#items.values()].reverse(), this.#problem);
  }
}
