import { identity, NAME_MAX } from "../identity.js";
import { h } from "./dom.js";
import { panel } from "./panel.js";

export function nameForm(label, done, isAsked = false) {
  const field = h("input", {
    id: "name", class: "field", autofocus: isAsked, type: "text", maxlength: NAME_MAX, autocomplete: "nickname",
    autocapitalize: "off", spellcheck: "false", value: identity.isNamed ? identity.userid : "",
    "aria-describedby": "name-problem",
  });
  const problem = h("p", { id: "name-problem", class: "problem", role: "alert" });
  const submit = (event) => {
    event.preventDefault();
    const name = field.value.trim();
    problem.textContent = identity.problem(name) ?? "";
    field.setAttribute("aria-invalid", String(problem.textContent !== ""));
    if (problem.textContent) return field.focus();
    identity.choose(name);
    return done();
  };
  return h("form", { class: "naming", onsubmit: submit, novalidate: true },
    h("label", { for: "name" }, "Your name"),
    h("div", { class: "field-line" }, field, h("button", { class: "action", type: "submit" }, label)),
    h("p", { class: "quiet" },
      "Letters, digits, dots, dashes, underscores. Kept on this device, and shown beside what you write."),
    problem);
}

/** Asks for a name. False when the person would rather not. */
export function askName() {
  return new Promise((resolve) => {
    const dialog = panel("What shall we call you?", nameForm("Continue", () => dialog.close(), true));
    dialog.addEventListener("close", () => resolve(identity.isNamed));
  });
}
