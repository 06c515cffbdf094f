import { sentence } from "../core/session.js";
import { hasAccounts, identity, NAME_MAX, problemOf } from "../identity.js";
import { h } from "./dom.js";
import { panel } from "./panel.js";

/**
 * A form of fields, `{name, label, …}` with attributes of an input, and a button. `send(values)` gives the sentence of
 * what went wrong, or nothing.
 */
export function form(action, fields, send, hint) {
  const problem = h("p", { id: `${fields[0].name}-problem`, class: "problem", role: "alert" });
  const button = h("button", { class: "action", type: "submit" }, action);
  const inputs = fields.map(({ name, label, ...more }) => [label, h("input", {
    id: name, name, class: "field", type: "text", autocapitalize: "off", spellcheck: "false",
    "aria-describedby": problem.id, ...more,
  })]);
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    problem.textContent = "";
    const values = Object.fromEntries(inputs.map(([, input]) => [input.name, input.value]));
    const wrong = await send(values);
    button.disabled = false;
    problem.textContent = wrong ?? "";
    if (wrong) inputs.find(([, { value }]) => !value)?.[1].focus();
  };
  const last = inputs.length - 1;
  return h("form", { class: "naming", onsubmit: submit, novalidate: true },
    ...inputs.flatMap(([label, input], index) => [h("label", { for: input.id }, label),
      h("div", { class: "field-line" }, input, ...(index === last ? [button] : []))]),
    ...(hint ? [h("p", { class: "quiet" }, hint)] : []), problem);
}

/** Where accounts are none, a name is enough. */
export function nameForm(action, done, isAsked = false) {
  const value = identity.isNamed ? identity.userid : "";
  const field = { name: "name", label: "Your name", maxlength: NAME_MAX, autocomplete: "nickname", value };
  return form(action, [{ ...field, autofocus: isAsked }], ({ name }) => {
    const problem = problemOf(name.trim());
    if (problem) return problem;
    identity.choose(name.trim());
    return done();
  }, "Letters, digits, dots, dashes, underscores. Kept on this device, and shown beside what you write.");
}

const NAME_FIELD = { name: "username", label: "Name", maxlength: 30, autocomplete: "username" };
const MAIL = { name: "email", label: "E-mail", type: "email", maxlength: 254, autocomplete: "email" };
const PASSWORD = { name: "password", label: "Password", type: "password", autocomplete: "current-password" };

/** Signing in, and by a button signing up in its place. */
export function entry(done) {
  const box = h("div", { class: "entry" });
  const show = (what, action, fields, hint, other) => {
    const send = async (values) => {
      const answer = await identity.begin(what, { ...values, username: values.username.trim() });
      return answer.body.user ? done() : sentence(answer);
    };
    box.replaceChildren(form(action, fields, send, hint),
      h("button", { class: "action", type: "button", onclick: other[1] }, other[0]));
    box.querySelector("input").focus();
  };
  const signIn = () => show("login", "Sign in", [NAME_FIELD, PASSWORD], "", ["Create an account", signUp]);
  const signUp = () => show("register", "Create", [
    NAME_FIELD, MAIL, { ...PASSWORD, autocomplete: "new-password" },
  ], "The name is shown beside what you write, and stays: 3 to 30 of a-z, 0-9, _. The password has 8 characters at least.",
  ["I have an account", signIn]);
  const ended = identity.reason && h("p", { class: "problem ended" }, sentence({ status: 401, code: identity.reason }));
  signIn();
  return h("div", {}, ...(ended ? [ended] : []), box);
}

/** Asks who somebody is. False when the person would rather not. */
export function askWho() {
  return new Promise((resolve) => {
    const done = () => dialog.close();
    const dialog = hasAccounts ? panel("Sign in", entry(done))
      : panel("What shall we call you?", nameForm("Continue", done, true));
    dialog.addEventListener("close", () => resolve(identity.isNamed));
    dialog.querySelector("input").focus();
  });
}
