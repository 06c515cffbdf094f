import { moment } from "../core/common.js";
import { hasAccounts } from "../identity.js";
import { h, iconButton } from "./dom.js";

/**
 * What can be done with a comment: a bar that comes when a row is pressed, or by arrows and Enter. Gaps are loaded. `extra(row)`
 * are more actions, a label and what it does.
 */
export function commentActions(log, feed, writing, extra = () => []) {
  const bar = h("div", { class: "actions", role: "group", "aria-label": "This comment", hidden: true });

  const leave = () => {
    log.querySelector(".chosen")?.classList.remove("chosen");
    bar.hidden = true;
  };

  const action = (label, act) => h("button", { class: "action", type: "button", onclick: async () => {
    const problem = await act();
    if (problem) say(h("span", { class: "quiet", role: "alert" }, problem));
    else leave();
  } }, label);

  const say = (...content) => bar.replaceChildren(...content, iconButton("close", "Close", () => {
    const row = log.querySelector(".chosen");
    leave();
    row?.focus();
  }));

  // What was changed, or has to be found by its author, is kept by the services that have accounts.
  const own = (row) => [
    ...(hasAccounts ? [action("Edit", () => writing.edit(row.text, (text) => feed.edit(row.id, text)))] : []),
    action("Remove", () => feed.remove(row.id)),
  ];
  const others = (row) => [
    action("Reply", () => writing.reply(row.parent ?? row.id, row.userid)),
    ...(hasAccounts ? [h("a", { class: "action link", href: `/people/${row.userid}` }, "Profile"),
      action("Report", async () => (await import("./report.js")).askReport("comment", row.id))] : []),
  ];

  const choose = (id) => {
    leave();
    const row = feed.row(id);
    if (row?.kind !== "comment") return;
    if (row.phase === "failed") {
      say(h("span", { class: "quiet" }, row.reason),
        action("Try again", () => feed.again(id)), action("Discard", () => feed.discard(id)));
    } else {
      say(h("span", { class: "figure quiet" }, moment(row.time)),
        ...(row.isOwn ? own(row) : others(row)), ...extra(row).map(([label, act]) => action(label, act)));
    }
    const element = feed.element(id);
    element.classList.add("chosen");
    bar.hidden = false;
    element.scrollIntoView({ block: "nearest" });
  };

  log.addEventListener("click", ({ target }) => {
    const gap = target.closest("[data-gap]");
    if (gap) {
      gap.disabled = true;
      feed.load(gap.dataset.gap).finally(() => { gap.disabled = false; });
    } else if (target.closest(".row") && getSelection().isCollapsed) choose(target.closest(".row").dataset.id);
  });

  log.addEventListener("keydown", (event) => {
    const row = event.target.closest(".row");
    const next = {
      ArrowUp: row ? row.previousElementSibling : log.lastElementChild,
      ArrowDown: row?.nextElementSibling,
    }[event.key];
    if (next) {
      event.preventDefault();
      next.focus();
    } else if (event.key === "Enter" && row && event.target === row) {
      event.preventDefault();
      choose(row.dataset.id);
      bar.querySelector("button")?.focus();
    }
  });

  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !bar.hidden) bar.querySelector("[aria-label=Close]").click();
  });
  return bar;
}
