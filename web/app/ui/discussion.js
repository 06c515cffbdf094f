import { cleaned, COMMENT_MAX, figure } from "../core/common.js";
import { announced } from "../device.js";
import { identity } from "../identity.js";
import { live } from "../live/live.js";
import { commentActions } from "./actions.js";
import { Comments } from "./comments.js";
import { h, icon } from "./dom.js";

/** Shorter interruptions are not worth a word. */
const UNSAID = 400;
const COUNTED_FROM = 200;
const STATUS = {
  live: "live", connecting: "connecting", reconnecting: "reconnecting", offline: "offline", paused: "paused",
  failed: "refused",
};

/**
 * The comments of a channel of api.js, live, with everything that belongs to them: `section` for the page, `status` for its
 * bar, and `parts` that stand beside the page. `silence` are the words for no comments, `extra(id)` are more actions of one.
 * `photos()` are followed on the same stream, whose other events `told` gets.
 */
export function discussion(channel, history, { silence, extra, photos, told }) {
  const log = h("div", { class: "log", role: "log", "aria-live": "off", "aria-label": "Comments", tabindex: "0" });
  const comments = new Comments(log, channel, history);
  comments.announcer.mode = announced();
  const status = h("span", { class: "status", role: "status" });
  const rate = h("span", { class: "rate figure" });
  const viewers = h("span", { class: "viewers figure" });
  const pause = h("button", { class: "round", type: "button", onclick: () => comments.pause(!comments.isPaused) });
  const news = h("button", { class: "news figure", type: "button", hidden: true, onclick: () => comments.toEnd() });
  const empty = h("div", { class: "empty", hidden: true }, h("p", { class: "title" }, silence[0]),
    h("p", { class: "quiet" }, silence[1]));
  const spoken = h("div", { class: "unseen", "aria-live": "polite" });
  const writing = composer((text, parent) => comments.send(text, parent), () => comments.canSend);
  const actions = commentActions(log, comments, writing, extra);
  const section = h("section", { class: "comments", "aria-label": "Comments" },
    h("div", { class: "comments-bar" }, h("h2", { class: "label" }, "Comments"), viewers, rate, pause),
    h("div", { class: "log-frame" }, log, empty, news, actions),
    writing.form);

  let said = 0;
  const say = (text) => {
    clearTimeout(said);
    const isQuick = status.dataset.status === "live" && text !== "live";
    said = setTimeout(() => {
      status.dataset.status = text;
      const isSuspended = text === "failed" && identity.reason === "account_suspended";
      status.textContent = isSuspended ? "suspended" : STATUS[text];
    }, isQuick ? UNSAID : 0);
  };
  const take = ({ status: now, events, position }) => {
    for (const event of events ?? []) {
      if (event.event === "likes") told(event.value);
      else if (event.event === "viewers") viewers.textContent = `${figure(event.value.viewers)} watching`;
      else comments.take(event);
    }
    if (now === undefined) return;
    say(now);
    if (now === "live") comments.connected(position);
    if (now === "offline" || now === "reconnecting") comments.beginOffline();
  };
  let stream = null;
  const follow = () => {
    stream?.stop();
    stream = live.follow({ userid: identity.userid, ...channel.query }, photos(), take, stream?.position);
  };
  follow();
  identity.addEventListener("change", () => {
    follow();
    comments.recognise();
  });

  comments.addEventListener("drawn", () => { empty.hidden = !comments.isEmpty; });
  comments.addEventListener("change", () => {
    news.hidden = comments.isFollowing || comments.unread === 0;
    news.replaceChildren(`${figure(comments.unread)} new`, icon("down"));
    pause.setAttribute("aria-pressed", String(comments.isPaused));
    pause.setAttribute("aria-label", comments.isPaused ? "Go on" : "Pause");
    pause.replaceChildren(icon(comments.isPaused ? "play" : "pause"));
  });
  comments.dispatchEvent(new Event("change"));
  setInterval(() => {
    const now = Date.now();
    const { shown, rate: all, isSampled } = comments.sampler.rate(now);
    const text = isSampled ? `${shown} of ${figure(all)}/s` : all ? `${all}/s` : "";
    if (rate.textContent !== text) rate.textContent = text;
    log.classList.toggle("busy", isSampled);
    const sentence = comments.announcer.say(now);
    if (sentence) spoken.textContent = sentence;
  }, 1_000);
  return {
    comments, section, status, spoken,
    skip: h("a", { class: "skip", href: "#message" }, "To the comment field"),
    setPhotos: (ids) => stream.setPhotos(ids),
    onAnnounced: (mode) => { comments.announcer.mode = mode; },
  };
}

/**
 * Where one writes. `send(text, parent)` gets what was written, once there is a name to send it under, and the comment that it
 * answers, if any.
 */
function composer(send, canSend) {
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
