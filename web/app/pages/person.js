import { sentence } from "../core/session.js";
import { identity } from "../identity.js";
import { social } from "../social.js";
import { bar } from "../ui/bar.js";
import { h } from "../ui/dom.js";
import { listPage, PostList } from "../ui/posts.js";
import { askReport } from "../ui/report.js";
import { styles } from "../ui/styles.js";

/** Somebody's profile and posts. */
export async function person(root, _, id) {
  document.title = `${id} · Chorus`;
  const [answer] = await Promise.all([social.person(id), styles("posts")]);
  const top = bar((openYou) => openYou({}));
  if (answer.status !== 200) {
    root.replaceChildren(top, h("main", { class: "start" }, h("div", { class: "empty" },
      h("p", { class: "title" }, answer.status === 404 ? "There is nobody of this name" : "Not now"),
      h("p", { class: "quiet" }, answer.status === 404 ? "" : sentence(answer)))));
    return;
  }
  const known = ({ user: account, ...standing }) => ({ ...account, ...standing });
  let user = known(answer.body);
  const head = h("header", { class: "person" });
  const said = h("p", { class: "problem", role: "alert" });
  const list = new PostList((after) => social.postsOf(id, after), () => ["Silence", "Nothing yet that you may see."]);
  const relate = async (what, isOn) => {
    if (!(await identity.named())) return;
    const { status, ...refusal } = await social.relate(id, what, isOn);
    said.textContent = status === 200 ? "" : sentence({ status, ...refusal });
    await refresh();
    if (what === "block") list.again();
  };
  const action = (label, what, isOn, isPressed) => h("button", {
    class: "action", type: "button", "aria-pressed": String(isPressed), onclick: () => relate(what, isOn),
  }, label);
  const draw = () => {
    const isOwn = id === identity.userid;
    head.replaceChildren(
      h("h1", { class: "title", dir: "auto" }, user.display_name || user.username),
      h("p", { class: "quiet" }, `@${user.username}${user.follows_you ? " · follows you" : ""}`),
      ...(user.bio ? [h("p", { dir: "auto" }, user.bio)] : []),
      h("div", { class: "person-line" }, ...(isOwn ? [h("a", { class: "action link", href: "/settings" }, "Settings")] : [
        action(user.following ? "Following" : "Follow", "follow", !user.following, user.following ?? false),
        action(user.blocked ? "Unblock" : "Block", "block", !user.blocked, user.blocked ?? false),
        h("button", { class: "action", type: "button", onclick: () => askReport("user", id) }, "Report"),
      ])), said);
  };
  const refresh = async () => {
    const { status, body } = await social.person(id);
    if (status === 200) user = known(body);
    draw();
  };
  identity.addEventListener("change", refresh);
  draw();
  listPage(root, top, [head], list);
  list.more();
}
