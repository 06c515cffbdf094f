import { api } from "../api.js";
import { figure, moment } from "../core/common.js";
import { Pages } from "../core/pages.js";
import { sentence } from "../core/session.js";
import { social } from "../social.js";
import { bar } from "../ui/bar.js";
import { h } from "../ui/dom.js";
import { person } from "../ui/posts.js";
import { styles } from "../ui/styles.js";

const DAY = 86_400;
/** What can be done with each kind: a label, the action, and on whom. */
const ACTIONS = {
  post: [["Approve", "approve"], ["Hold", "hold"], ["Remove", "remove"]],
  comment: [["Approve", "approve"], ["Hold", "hold"], ["Remove", "remove"]],
  user: [["Approve", "approve"]],
};
const ON_AUTHOR = [["Limit the author", "limit", {}], ["Suspend for a day", "suspend", { seconds: DAY }]];
const EFFECTS = ["hold", "refuse"];

const key = ({ type, id }) => `${type}:${id}`;

function where({ type, id, post_id: post, video_id: video }) {
  if (type === "user") return `/people/${id}`;
  if (type === "post") return `/posts/${id}`;
  return post ? `/posts/${post}` : video ? `/watch/${video}` : null;
}

/** One reported thing, with what can be done about it. */
function reported(report) {
  const { type, id, user_id: author, content, reasons, count, reported_at: time } = report;
  const said = h("p", { class: "quiet", role: "status" });
  const act = (action, on, more = {}) => async () => {
    const { status, ...refusal } = await social.moderate({ action, ...on, ...more });
    said.textContent = status === 200 ? `Done: ${action}.` : sentence({ status, ...refusal });
  };
  const button = ([label, action, more], on) => h("button", {
    class: "action", type: "button", onclick: act(action, on, more),
  }, label);
  const href = where(report);
  return h("li", { class: "hit" },
    h("div", { class: "post-head" }, person({ user_id: author }),
      h("span", { class: "quiet" }, `${type}, ${count === 1 ? "one report" : `${figure(count)} reports`}`),
      h("time", { class: "figure quiet" }, moment(time))),
    href ? h("a", { class: "text", href, dir: "auto" }, content || "A picture") : h("p", { dir: "auto" }, content),
    h("ul", {}, ...reasons.map(({ user_id: by, reason }) =>
      h("li", { class: "quiet", dir: "auto" }, `${by}: ${reason}`))),
    h("div", { class: "person-line" }, ...ACTIONS[type].map((one) => button(one, { type, id })),
      ...ON_AUTHOR.map((one) => button(one, { type: "user", id: author }))), said);
}

/** The words that hold or refuse what they stand in, a line each: `word`, or `word refuse`. */
function words() {
  const field = h("textarea", { "aria-label": "Words, a line each", spellcheck: "false" });
  const said = h("p", { class: "quiet", role: "status" });
  const submit = async (event) => {
    event.preventDefault();
    const lines = field.value.split("\n").map((line) => line.trim()).filter(Boolean);
    const list = lines.map((line) => {
      const parts = line.split(/\s+/);
      const effect = EFFECTS.includes(parts.at(-1)) && parts.length > 1 ? parts.pop() : "hold";
      return { word: parts.join(" "), effect };
    });
    const { status, ...refusal } = await social.setWords(list);
    said.textContent = status === 200 ? "Saved." : sentence({ status, ...refusal });
  };
  social.words().then(({ status, body }) => {
    if (status === 200) field.value = body.words.map(({ word, effect }) => `${word} ${effect}`).join("\n");
  });
  return h("form", { class: "writing", onsubmit: submit }, h("h2", { class: "label" }, "Words"),
    h("p", { class: "quiet" }, "What has one of them waits for a moderator (hold) or is not taken (refuse)."), field,
    h("div", { class: "writing-line" }, h("button", { class: "action", type: "submit" }, "Save")), said);
}

/** What people reported, for moderators. */
export async function moderation(root) {
  document.title = "Moderation · Chorus";
  const [{ status, body }] = await Promise.all([api.account(), styles("posts")]);
  const top = bar((openYou) => openYou({}));
  const nobody = (title, text) => root.replaceChildren(top, h("main", { class: "start" }, h("div", { class: "empty" },
    h("h1", { class: "title" }, title), h("p", { class: "quiet" }, text))));
  if (status !== 200 || body.user.role !== "moderator") return nobody("For moderators", "This account is none.");
  const pages = new Pages(key);
  const list = h("ul", { "aria-label": "Reports" });
  const end = h("div", { class: "list-end" });
  const more = async () => {
    const asked = pages.ask();
    if (!asked) return;
    const answer = await social.reports(asked.after);
    const page = answer.status === 200 ? { items: answer.body.reports, next: answer.body.next } : null;
    list.append(...pages.answered(asked, page).map(reported));
    end.replaceChildren();
    if (!page) end.append(h("p", { class: "quiet" }, sentence(answer)));
    else if (pages.items.length === 0) end.append(h("p", { class: "title" }, "Nothing is reported"));
    if (pages.phase !== "done") end.append(h("button", { class: "action", type: "button", onclick: more }, page ? "More" : "Try again"));
  };
  root.replaceChildren(top, h("main", { class: "start" }, h("div", { class: "list" },
    h("div", { class: "list-bar" }, h("h1", { class: "title" }, "Moderation")), words(), list, end)));
  return more();
}
