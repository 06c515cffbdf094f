import { moment } from "../core/common.js";
import { hasAccounts, identity } from "../identity.js";
import { h } from "./dom.js";
import { panel } from "./panel.js";

/** Where a notification leads, if anywhere. */
function target({ type, postid, userid }) {
  if (postid) return `/posts/${postid}`;
  return type === "follow" && userid ? `/people/${userid}` : null;
}

/** The panel of notifications. Returns what shows them, newest first, or the sentence of why there are none. */
export function openNotices(closed) {
  const list = h("ul", { class: "notices" });
  panel("Notifications", list).addEventListener("close", closed);
  return (items, problem) => {
    const rows = items.map((one) => {
      const [href, text] = [target(one), h("span", { dir: "auto" }, one.text)];
      return h("li", { class: one.unread ? "notice new" : "notice" },
        href ? h("a", { class: "plain", href }, text) : text, h("time", { class: "figure quiet" }, moment(one.newest_at)));
    });
    const hint = identity.isNamed ? "Likes of your pictures stand here, at once."
      : hasAccounts ? "Sign in first." : "Choose a name first.";
    const empty = h("li", { class: "empty" },
      h("p", { class: "title" }, "Nothing yet"), h("p", { class: "quiet" }, problem || hint));
    list.replaceChildren(...(rows.length ? rows : [empty]));
  };
}
