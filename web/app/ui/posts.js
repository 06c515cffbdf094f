import { Pages } from "../core/pages.js";
import { figure, hash, moment } from "../core/common.js";
import { sentence } from "../core/session.js";
import { identity } from "../identity.js";
import { live } from "../live/live.js";
import { h, icon, iconButton } from "./dom.js";
import { Hearts } from "./hearts.js";

const HUES = 8;
/** Scrolling changes what is seen; the stream is opened anew for it once it stands still. */
const STILL = 700;

export function person({ user_id: id, display_name: name }) {
  return h("a", { class: `name hue-${hash(id) % HUES}`, href: `/people/${id}` }, name || id);
}

function picture({ urls, width, height }, index) {
  // 1280 pixels are asked for where they can be seen.
  return h("img", {
    src: urls["400"], srcset: `${urls["400"]} 400w, ${urls["1280"]} 1280w`, sizes: "(min-width: 640px) 640px, 100vw",
    width, height, loading: "lazy", decoding: "async", alt: `Picture ${index + 1}`,
  });
}

/** A post as an element: `{element, paint}`. `changes` are what one may do with it: a label and what it does. */
export function postElement(post, hearts, changes = []) {
  const { id, content, media, created_at: written, edited_at: edited, visibility } = post;
  const heart = iconButton("heart", "Like", () => hearts.press(id), { class: "heart" });
  const likes = h("span", { class: "figure" });
  heart.append(likes);
  const comments = post.comments === undefined ? "" : h("span", { class: "figure" }, figure(post.comments));
  const element = h("article", { class: "post", "data-id": id },
    h("div", { class: "post-head" }, person(post),
      h("time", { class: "figure quiet", datetime: written },
        `${visibility === "followers" ? "followers · " : ""}${moment(written)}${edited ? " · edited" : ""}`)),
    h("p", { class: "post-text", dir: "auto" }, content),
    ...(media.length ? [h("div", { class: "pictures", "data-count": media.length }, ...media.map(picture))] : []),
    h("div", { class: "post-line" }, heart,
      h("a", { class: "counted", href: `/posts/${id}`, "aria-label": post.comments === undefined
        ? "Comments" : `Comments, ${post.comments}` }, icon("comment"), comments),
      h("span", { class: "post-more" },
        ...changes.map(([label, act]) => h("button", { class: "action", type: "button", onclick: act }, label)))));
  const paint = () => {
    const like = hearts.of(id);
    const count = like.isKnown || like.isPending ? figure(like.count) : figure(post.likes ?? 0);
    likes.textContent = count;
    heart.setAttribute("aria-pressed", String(like.liked));
    heart.setAttribute("aria-label", `Like, ${count} likes`);
  };
  paint();
  return { element, paint };
}

/**
 * A list of posts that grows when its end is seen, `element` for the page, with live likes of those that are seen, on one
 * connection. `ask(after)` asks for a page, `silence()` are the words for none.
 */
export class PostList {
  element = h("section", { "aria-label": "Posts" });
  #ask;
  #silence;
  #pages = new Pages();
  #hearts = new Hearts();
  #painters = new Map();
  #seen = new Set();
  #stream = null;
  #still = 0;
  #end = h("div", { class: "list-end" });
  #eye = new IntersectionObserver((entries) => this.#looked(entries), { rootMargin: "200px" });

  constructor(ask, silence) {
    this.#ask = ask;
    this.#silence = silence;
    this.element.append(this.#end);
    this.#eye.observe(this.#end);
    this.#hearts.addEventListener("change", ({ detail }) => this.#painters.get(detail)?.());
    identity.addEventListener("change", () => this.again());
  }

  /** From the beginning. */
  again() {
    this.#pages.again();
    this.#painters.clear();
    this.#seen.clear();
    this.element.replaceChildren(this.#end);
    this.#stream?.stop();
    this.#stream = null;
    this.more();
  }

  async more() {
    const asked = this.#pages.ask();
    if (!asked) return;
    const { status, body, ...refusal } = await this.#ask(asked.after);
    const page = status === 200 ? { items: body.posts, next: body.next } : null;
    const added = this.#pages.answered(asked, page);
    this.#end.replaceChildren();
    if (!page) {
      this.#end.append(h("div", { class: "empty" }, h("p", { class: "quiet" }, sentence({ status, ...refusal })),
        h("button", { class: "action", type: "button", onclick: () => this.more() }, "Try again")));
    } else if (this.#pages.items.length === 0) {
      const [title, words] = this.#silence();
      this.#end.append(h("div", { class: "empty" }, h("p", { class: "title" }, title), h("p", { class: "quiet" }, words)));
    }
    for (const post of added) {
      const { element, paint } = postElement(post, this.#hearts);
      this.#painters.set(post.id, paint);
      this.#end.before(element);
      this.#eye.observe(element);
    }
    this.#hearts.refresh(added.map(({ id }) => id));
    // The end may still be in sight.
    this.#eye.unobserve(this.#end);
    this.#eye.observe(this.#end);
  }

  #looked(entries) {
    for (const { target, isIntersecting } of entries) {
      if (target === this.#end) {
        if (isIntersecting && this.#pages.phase !== "failed") this.more();
      } else if (isIntersecting) this.#seen.add(target.dataset.id);
      else this.#seen.delete(target.dataset.id);
    }
    clearTimeout(this.#still);
    this.#still = setTimeout(() => this.#follow(), this.#stream ? STILL : 0);
  }

  #follow() {
    const ids = [...this.#seen];
    if (!ids.length) return;
    if (this.#stream) this.#stream.setPhotos(ids);
    else {
      this.#stream = live.follow({ userid: identity.userid }, ids, ({ events }) => {
        for (const { event, value } of events ?? []) if (event === "likes") this.#hearts.learned(value);
      });
    }
  }
}

/** A page of a list: what stands above it, and the posts. */
export function listPage(root, top, above, list) {
  root.replaceChildren(top, h("main", { class: "start" }, h("div", { class: "list" }, ...above, list.element)));
}
