import { api } from "../api.js";
import { isId } from "../core/common.js";
import { recent } from "../device.js";
import { bar } from "../ui/bar.js";
import { h } from "../ui/dom.js";
import { Score } from "../ui/score.js";
import { styles } from "../ui/styles.js";

const SHOWN_MAX = 12;
const REFRESH = 15_000;

/** Where one types or picks a video. */
export async function start(root, statistics) {
  await styles("start");
  const art = h("canvas", { class: "start-art", "aria-hidden": "true" });
  const field = h("input", {
    id: "video", class: "field", type: "text", maxlength: 128, autocomplete: "off", autocapitalize: "off",
    spellcheck: "false", placeholder: "video1", "aria-describedby": "video-problem",
  });
  const problem = h("p", { id: "video-problem", class: "problem", role: "alert" });
  const open = (event) => {
    event.preventDefault();
    const id = field.value.trim() || field.placeholder;
    problem.textContent = isId(id) ? "" : "Letters, digits, and . _ - : only, at most 128.";
    if (isId(id)) location.href = `/watch/${id}`;
  };
  const now = h("ul", { class: "videos" });
  const before = recent();

  root.replaceChildren(
    bar((openYou) => openYou({})),
    h("main", { class: "start" }, art,
      h("div", { class: "start-column" },
        h("h1", { class: "title hero" }, "Everybody at once, and every voice heard."),
        h("form", { class: "opening", onsubmit: open, novalidate: true },
          h("label", { for: "video" }, "Watch a video"),
          h("div", { class: "field-line" }, field, h("button", { class: "action", type: "submit" }, "Watch")), problem),
        h("section", {}, h("h2", { class: "label" }, "Watched right now"), now),
        ...(before.length ? [h("section", {}, h("h2", { class: "label" }, "Yours, lately"),
          h("ul", { class: "videos" }, ...before.map((id) => entry(id))))] : []))));
  new Score(art, { beats: Math.max(48, Math.round(art.clientWidth / 14)) }).show("chorus");

  const refresh = async (asked) => {
    if (document.hidden) return;
    const { status, body } = await (asked ?? api.statistics());
    const nobody = () => [h("li", { class: "quiet" }, "Nobody answers. Trying again.")];
    now.replaceChildren(...(status === 200 ? listed(body) : nobody()));
  };
  refresh(statistics);
  setInterval(() => refresh(), REFRESH);
  document.addEventListener("visibilitychange", () => refresh());
}

function entry(id, comment) {
  const last = comment && h("span", { class: "last" },
    h("b", {}, comment.userid), " ", h("span", { dir: "auto" }, comment.comment));
  return h("li", {}, h("a", { class: "video", href: `/watch/${id}` }, h("span", { class: "title" }, id), last ?? ""));
}

function listed({ readerApis, storedComments }) {
  const latest = new Map();
  for (const comment of [...storedComments.latestComments].reverse()) latest.set(comment.videoid, comment);
  const live = readerApis.allSubscribedTopics.filter((name) => name.startsWith("video:")).map((name) => name.slice(6));
  const ids = [...new Set([...live.filter((id) => latest.has(id)), ...live, ...latest.keys()])].slice(0, SHOWN_MAX);
  if (ids.length) return ids.map((id) => entry(id, latest.get(id)));
  return [h("li", { class: "empty" }, h("p", { class: "title" }, "Silence"),
    h("p", { class: "quiet" }, "Nothing is being watched. Type any name above, and begin."))];
}
