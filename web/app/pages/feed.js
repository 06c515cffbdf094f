import { identity } from "../identity.js";
import { social } from "../social.js";
import { bar } from "../ui/bar.js";
import { h } from "../ui/dom.js";
import { listPage, PostList } from "../ui/posts.js";
import { styles } from "../ui/styles.js";
import { writePost } from "../ui/write.js";

const FEED = ["A quiet house", "Follow people, and what they write stands here. Until then, see what everybody wrote."];
const ALL = ["Silence", "Nobody has written anything yet."];

/** What those wrote whom one follows, or everybody. */
export async function feed(root) {
  document.title = "Posts · Chorus";
  await styles("posts");
  let isAll = !identity.isNamed;
  const tabs = h("div", { class: "tabs", role: "group", "aria-label": "Whose posts" });
  const list = new PostList((after) => (isAll ? social.posts(after) : social.feed(after)), () => (isAll ? ALL : FEED));
  const writing = writePost(() => list.again());
  const paint = () => {
    writing.hidden = !identity.isNamed;
    const choices = identity.isNamed ? [["Following", false], ["Everybody", true]] : [["Everybody", true]];
    const choose = (value) => () => {
      isAll = value;
      paint();
      list.again();
    };
    tabs.replaceChildren(...choices.map(([label, value]) => h("button", {
      class: "action", type: "button", "aria-pressed": String(isAll === value), onclick: choose(value),
    }, label)));
  };
  paint();
  identity.addEventListener("change", () => {
    isAll = !identity.isNamed;
    paint();
  });
  listPage(root, bar((openYou) => openYou({})), [
    h("h1", { class: "unseen" }, "Posts"), writing, tabs,
  ], list);
  list.more();
}
