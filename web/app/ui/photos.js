import { figure, pictureOf } from "../core/common.js";
import { identity } from "../identity.js";
import { h, icon, iconButton } from "./dom.js";
import { Hearts } from "./hearts.js";
import { Score } from "./score.js";

/** The photo, its heart, and the strip of the others. Tells `photos` when there are more of them. */
export class Photos extends EventTarget {
  ids;
  #hearts = new Hearts();
  #thumbs = new Map();
  #chosen;
  #score;

  constructor(ids, title) {
    super();
    this.ids = ids;
    this.canvas = h("canvas", { class: "art", role: "img" });
    const glow = h("canvas", { class: "art glow", "aria-hidden": "true" });
    this.#score = new Score(this.canvas, { glow, bottom: 72 });
    this.caption = h("p", { class: "caption quiet" });
    this.count = h("span", { class: "figure" });
    this.heart = iconButton("heart", "Like", () => this.#press(), { class: "heart" });
    this.heart.append(this.count);
    this.strip = h("ul", { class: "strip", "aria-label": "Photos" });
    this.stage = h("section", { class: "stage", "aria-label": "Photo" }, this.canvas, glow,
      h("div", { class: "under" },
        h("div", { class: "titles" }, h("h1", { class: "title" }, title), this.caption), this.heart));
    this.#hearts.addEventListener("change", ({ detail }) => this.#paint(detail));
    for (const [index, id] of ids.entries()) this.#add(id, `Photo ${index + 1}`);
    this.choose(ids[0] ?? pictureOf(identity.userid));
    this.refresh();
  }

  /** A person's picture, beside those of the video. */
  chooseOf(userid) {
    const id = pictureOf(userid);
    if (!id) return;
    if (!this.#hearts.has(id)) {
      this.ids = [...this.ids, id];
      this.#add(id, userid);
      this.dispatchEvent(new Event("photos"));
      this.refresh([id]);
    }
    this.choose(id);
    this.#thumbs.get(id).button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  choose(id) {
    if (!id) return;
    this.#hearts.of(id);
    this.#chosen = id;
    this.#score.show(id);
    for (const [one, { button }] of this.#thumbs) button.setAttribute("aria-pressed", String(one === id));
    const label = this.#thumbs.get(id)?.label ?? identity.userid;
    this.caption.textContent = label;
    this.canvas.setAttribute("aria-label", `${label}: a score that is always the same for it`);
    this.#paint(id);
  }

  light(text, kind) {
    this.#score.light(text, kind);
  }

  /** `event: likes` of the stream. */
  learned(state) {
    if (!this.#hearts.has(state.photoid)) return;
    const like = this.#hearts.of(state.photoid);
    const before = like.count;
    this.#hearts.learned(state);
    if (state.photoid === this.#chosen && like.isKnown && like.count > before) {
      this.light(`${state.photoid}${state.version}`, "like");
    }
  }

  /** Asks which of them this person likes. */
  refresh(ids = this.ids) {
    return this.#hearts.refresh(ids);
  }

  #add(id, label) {
    this.#hearts.of(id);
    const canvas = h("canvas", { class: "thumb-art" });
    const count = h("span", { class: "figure" });
    const button = h("button", { class: "thumb", type: "button", onclick: () => this.choose(id) },
      canvas, h("span", { class: "thumb-line" }, icon("heart"), count));
    this.#thumbs.set(id, { button, count, label });
    this.strip.append(h("li", {}, button));
    new Score(canvas).show(id);
    this.#paint(id);
  }

  async #press() {
    const id = this.#chosen;
    if ((await this.#hearts.press(id)) && this.#hearts.of(id).liked) this.light(`${id}${Date.now()}`, "like");
  }

  #paint(id) {
    const like = this.#hearts.of(id);
    const thumb = this.#thumbs.get(id);
    const count = like.isKnown || like.isPending ? figure(like.count) : "–";
    if (thumb) {
      thumb.count.textContent = count;
      thumb.button.classList.toggle("liked", like.liked);
      const mine = like.liked ? ", yours among them" : "";
      thumb.button.setAttribute("aria-label", `${thumb.label}, ${count} likes${mine}`);
    }
    if (id !== this.#chosen) return;
    this.count.textContent = count;
    this.heart.setAttribute("aria-pressed", String(like.liked));
    this.heart.setAttribute("aria-label", `Like, ${count} likes`);
  }
}
