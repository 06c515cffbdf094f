import { sentence } from "../core/session.js";
import { identity } from "../identity.js";
import { social } from "../social.js";
import { form } from "./account.js";
import { h } from "./dom.js";
import { panel } from "./panel.js";

/** Tells the moderators of a post, a comment or a user. */
export async function askReport(type, id) {
  if (!(await identity.named())) return;
  const box = h("div", {});
  panel("Report", box);
  box.replaceChildren(form("Report", [{ name: "reason", label: "What is wrong with it", maxlength: 500 }], async ({ reason }) => {
    if (!reason.trim()) return "A word is needed.";
    const { status, ...refusal } = await social.report(type, id, reason.trim());
    if (status !== 200 && status !== 201) return sentence({ status, ...refusal });
    box.replaceChildren(h("div", { class: "empty" }, h("p", { class: "title" }, "Thank you"),
      h("p", { class: "quiet" }, "A moderator looks at it.")));
    return undefined;
  }));
  box.querySelector("input").focus();
}
