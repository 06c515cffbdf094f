import { sentence } from "../core/session.js";
import { announce, announced } from "../device.js";
import { hasAccounts, identity } from "../identity.js";
import { askWho, nameForm } from "./account.js";
import { h } from "./dom.js";
import { panel } from "./panel.js";

const MODES = [["all", "Every comment"], ["summary", "A summary"], ["off", "Nothing"]];

/** What a screen reader is told. */
export function readAloud(onAnnounced) {
  return h("fieldset", {}, h("legend", {}, "Read aloud by a screen reader"),
    ...MODES.map(([mode, label]) => h("label", { class: "choice" },
      h("input", {
        type: "radio", name: "announced", value: mode, checked: mode === announced(),
        onchange: () => {
          announce(mode);
          onAnnounced?.(mode);
        },
      }), label)));
}

/** Who is signed in, and the way out. */
export function signedIn(done) {
  const problem = h("p", { class: "problem", role: "alert" });
  const out = async () => {
    const answer = await identity.end();
    if (identity.isNamed) problem.textContent = `You are still signed in. ${sentence(answer)}`;
    else done();
  };
  return h("div", { class: "who" }, h("p", {}, "Signed in as ", h("b", {}, identity.userid)),
    h("button", { class: "action", type: "button", onclick: out }, "Sign out"), problem);
}

/** Who one is, and what a screen reader is told; on a watch page also the way to the traffic drawer. */
export function openYou({ onAnnounced, onTraffic }) {
  const close = (then) => () => {
    dialog.close();
    then?.();
  };
  const action = (label, act) => h("button", { class: "action", type: "button", onclick: close(act) }, label);
  const who = !hasAccounts ? [nameForm("Save", close())]
    : identity.isNamed ? [signedIn(close()), h("a", { class: "action link", href: "/settings" }, "Settings")]
      : [h("p", { class: "quiet" }, "To write and to like."), action("Sign in, or create an account", askWho)];
  const dialog = panel("You", h("div", { class: "sections" },
    h("section", {}, ...who),
    h("section", {}, readAloud(onAnnounced)),
    ...(onTraffic ? [h("section", {}, h("h3", {}, "Traffic"),
      h("p", { class: "quiet" }, "Viewers, comments and likes made by this browser."),
      action("Open the traffic drawer", onTraffic))] : [])));
}
