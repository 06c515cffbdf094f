import { figure, moment } from "../core/common.js";
import { Pages } from "../core/pages.js";
import { sentence } from "../core/session.js";
import { social } from "../social.js";
import { bar } from "../ui/bar.js";
import { h } from "../ui/dom.js";
import { person } from "../ui/posts.js";
import { styles } from "../ui/styles.js";

const TYPES = [["post", "Posts"], ["comment", "Comments"], ["user", "People"]];
const TYPED = 300;

/** The address is the search: it can be kept and sent. */
function read() {
  const query = new URLSearchParams(location.search);
  const type = query.get("type");
  return {
    q: query.get("q") ?? "", type: TYPES.some(([one]) => one === type) ? type : "post",
    has: query.get("has") === "photo" ? "photo" : "", author: query.get("author") ?? "",
  };
}

/** Text with what was found marked; `highlights` are `{start, length}` in UTF-16 code units. */
function marked(text, highlights) {
  const parts = [];
  let end = 0;
  for (const { start, length } of highlights) {
    if (start < end) continue;
    parts.push(text.slice(end, start), h("mark", {}, text.slice(start, start + length)));
    end = start + length;
  }
  return [...parts, text.slice(end)];
}

function hit({ type, post, comment, user, highlights }) {
  if (type === "user") {
    return h("li", { class: "hit" }, h("a", { class: "text", href: `/people/${user.id}` },
      ...marked(user.display_name || user.username, highlights), h("span", { class: "quiet" }, ` @${user.username}`)));
  }
  const [one, text, target] = type === "post" ? [post, post.content, post.id] : [comment, comment.comment, comment.post_id];
  return h("li", { class: "hit" },
    h("div", { class: "post-head" }, person(one), h("time", { class: "figure quiet" }, moment(one.created_at))),
    h("a", { class: "text", dir: "auto", href: target ? `/posts/${target}` : `/watch/${one.video_id}` },
      ...(text ? marked(text, highlights) : [h("span", { class: "quiet" }, "A picture")])));
}

const key = ({ post, comment, user }) => (post ?? comment ?? user).id;

/** Search in posts, comments and people. */
export async function search(root) {
  document.title = "Search · Chorus";
  await styles("posts");
  let asked = read();
  let pages = new Pages(key);
  const field = h("input", { class: "field", type: "search", "aria-label": "Search", placeholder: "Search", maxlength: 200,
    autocomplete: "off", autocapitalize: "off" });
  field.value = asked.q;
  const tabs = h("div", { class: "tabs", role: "group", "aria-label": "What to search" });
  const total = h("p", { class: "asked quiet", role: "status" });
  const facets = h("div", { class: "tabs", role: "group", "aria-label": "Only" });
  const hits = h("ul", { "aria-label": "Found" });
  const end = h("div", { class: "list-end" });

  const more = async () => {
    const request = pages.ask();
    if (!request) return;
    const mine = pages;
    const { status, body, ...refusal } = await social.search({ ...asked, after: request.after });
    if (mine !== pages) return;
    const isFirst = request.after === undefined;
    const added = pages.answered(request, status === 200 ? { items: body.hits, next: body.next } : null);
    hits.append(...added.map(hit));
    end.replaceChildren();
    if (status !== 200) {
      end.append(h("div", { class: "empty" }, h("p", { class: "quiet" }, sentence({ status, ...refusal })),
        h("button", { class: "action", type: "button", onclick: more }, "Try again")));
      return;
    }
    if (isFirst) {
      const { value, relation } = body.total;
      total.textContent = value === 0 ? "Nothing found." : `${relation === "gte" ? "More than " : ""}${figure(value)} found.`;
      paintFacets(body.facets ?? {});
    }
    if (body.next) end.append(h("button", { class: "action", type: "button", onclick: more }, "More"));
  };
  const paintFacets = ({ author = [], photo = 0 }) => facets.replaceChildren(
    ...(photo || asked.has ? [toggle(`With pictures ${figure(photo)}`, asked.has === "photo", { has: asked.has ? "" : "photo" })] : []),
    ...(asked.author ? [toggle(`By ${asked.author}`, true, { author: "" })]
      : author.slice(0, 8).map(({ user_id: id, count }) => toggle(`${id} ${figure(count)}`, false, { author: id }))));
  const toggle = (label, isOn, change) => h("button", {
    class: "action", type: "button", "aria-pressed": String(isOn), onclick: () => begin(change),
  }, label);
  const begin = (change) => {
    asked = { ...asked, ...change };
    pages = new Pages(key);
    tabs.replaceChildren(...TYPES.map(([type, label]) => toggle(label, asked.type === type, { type, has: "", author: "" })));
    for (const element of [hits, end, facets]) element.replaceChildren();
    total.textContent = "";
    const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value));
    history.replaceState(null, "", `/search?${query}`);
    if (asked.q.trim()) more();
  };
  let typed = 0;
  field.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(() => begin({ q: field.value, author: "", has: "" }), TYPED);
  });
  const submit = (event) => {
    event.preventDefault();
    clearTimeout(typed);
    begin({ q: field.value });
  };
  root.replaceChildren(bar((openYou) => openYou({})), h("main", { class: "start" }, h("div", { class: "list" },
    h("h1", { class: "unseen" }, "Search"),
    h("form", { class: "asked", role: "search", onsubmit: submit }, h("div", { class: "field-line" }, field,
      h("button", { class: "action", type: "submit" }, "Search"))),
    tabs, facets, total, hits, end)));
  begin({});
  if (!asked.q) field.focus();
}
