import { cleaned, COMMENT_MAX } from "../core/ids.js";
import { figure } from "../core/format.js";
import { identity } from "../identity.js";
import { h, icon } from "./dom.js";

const COUNTED_FROM = 200;

/**
 * Where one writes. `send(text, parent)` gets what was written, once there is a name to send it under, and the comment that it
 * answers, if any.
 */
export function composer(send, canSend) {
  let parent = null;
  let change = null;
  const left = h("span", { class: "left figure", "aria-live": "polite" });
  const field = h("textarea", {
    id: "message", rows: 1, placeholder: "Say something", "aria-label": "Your comment", enterkeyhint: "send",
    autocomplete: "off",
  });
  const button = h("button", { class: "round send", type: "submit", "aria-label": "Send" }, icon("send"));
  const count = () => {
    const room = COMMENT_MAX - [...cleaned(field.value)].length;
    left.textContent = room <= COUNTED_FROM ? `${figure(room)} left` : "";
    button.disabled = room === COMMENT_MAX || room < 0;
  };
  const clear = () => {
    [parent, change, field.value] = [null, null, ""];
  };
  const submit = async (event) => {
    event.preventDefault();
    count();
    const text = cleaned(field.value);
    if (!canSend()) left.textContent = "too many on their way";
    if (button.disabled || !canSend() || !(await identity.named())) return;
    if (change) {
      const problem = await change(text);
      if (problem) {
        left.textContent = problem;
        return;
      }
    } else send(text, parent);
    clear();
    count();
    field.focus();
  };
  const form = h("form", { class: "composer", onsubmit: submit }, field, left, button);
  field.addEventListener("input", count);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && change) {
      clear();
      count();
    }
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit(button);
  });
  count();
  return {
    form,
    /** Begins an answer to a comment. */
    reply(id, userid) {
      if (change) clear();
      parent = id;
      field.value = `@${userid} ${field.value}`;
      count();
      field.focus();
    },
    /** What was written before, to be changed: `then(text)` gives the sentence of a refusal, or nothing. Escape leaves it. */
    edit(text, then) {
      clear();
      [change, field.value] = [then, text];
      count();
      field.focus();
    },
  };
}
