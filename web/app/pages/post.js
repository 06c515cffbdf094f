import { sentence } from "../core/session.js";
import { identity } from "../identity.js";
import { postComments, social } from "../social.js";
import { bar } from "../ui/bar.js";
import { discussion } from "../ui/discussion.js";
import { h } from "../ui/dom.js";
import { Hearts } from "../ui/hearts.js";
import { postElement } from "../ui/posts.js";
import { askReport } from "../ui/report.js";
import { styles } from "../ui/styles.js";

const SILENCE = ["A rest", "Nobody has said anything yet. The first note is yours."];
const CLOSED = ["Closed", "This post takes no comments."];

/** One post, and what is said of it. */
export async function post(root, _, id) {
  document.title = "Post · Chorus";
  const [answer] = await Promise.all([social.post(id), styles("posts")]);
  if (answer.status !== 200) {
    root.replaceChildren(bar((openYou) => openYou({})), h("main", { class: "start" }, h("div", { class: "empty" },
      h("p", { class: "title" }, answer.status === 404 ? "There is no such post" : "Not now"),
      h("p", { class: "quiet" }, answer.status === 404 ? "It was removed, or is not for everybody." : sentence(answer)))));
    identity.addEventListener("change", () => location.reload());
    return;
  }
  const hearts = new Hearts();
  const holder = h("div", {});
  const said = h("p", { class: "problem", role: "alert" });
  let shown = answer.body.post;
  const { section, status, spoken, skip, onAnnounced } = discussion(postComments(id), undefined, {
    silence: shown.comments_open ? SILENCE : CLOSED,
    photos: () => [id],
    told: (likes) => hearts.learned(likes),
  });

  let painted = () => {};
  hearts.addEventListener("change", () => painted());
  const draw = () => {
    const isOwn = shown.user_id === identity.userid;
    const { element, paint } = postElement(shown, hearts, isOwn ? [["Edit", edit], ["Remove", remove]] : [["Report", () => askReport("post", id)]]);
    // The comments stand beside it.
    element.querySelector(".counted").remove();
    painted = paint;
    holder.replaceChildren(element);
    document.title = `${shown.display_name || shown.user_id}: ${shown.content.slice(0, 60) || "a picture"} · Chorus`;
    section.querySelector(".composer").hidden = !shown.comments_open;
  };
  const edit = () => {
    const text = h("textarea", { "aria-label": "Your post" });
    text.value = shown.content;
    const submit = async (event) => {
      event.preventDefault();
      const { status: code, body, ...refusal } = await social.changePost(id, { content: text.value, revision: shown.revision });
      if (code === 200) {
        shown = body.post;
        said.textContent = "";
        draw();
      } else said.textContent = sentence({ status: code, ...refusal });
    };
    holder.replaceChildren(h("form", { class: "writing", onsubmit: submit }, text, h("div", { class: "writing-line" },
      h("button", { class: "action", type: "button", onclick: draw }, "Leave it"),
      h("button", { class: "action", type: "submit" }, "Save"))));
    text.focus();
  };
  const remove = async ({ target }) => {
    if (!target.dataset.sure) {
      target.dataset.sure = "yes";
      target.textContent = "Remove for good";
      return;
    }
    const { status: code, ...refusal } = await social.removePost(id);
    if (code === 200) location.href = "/feed";
    else said.textContent = sentence({ status: code, ...refusal });
  };
  draw();
  hearts.of(id);
  hearts.refresh();
  identity.addEventListener("change", () => {
    hearts.refresh();
    draw();
  });
  root.replaceChildren(skip, bar((openYou) => openYou({ onAnnounced }), status),
    h("main", { class: "watch with-post" }, h("div", { class: "one-post" },
      h("h1", { class: "unseen" }, `Post of ${shown.display_name || shown.user_id}`), holder, said), section), spoken);
}
