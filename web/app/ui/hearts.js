import { api } from "../api.js";
import { Like } from "../core/optimistic.js";
import { identity } from "../identity.js";

/** The hearts of photos and posts. Tells `change` with the id of one that is to be painted. */
export class Hearts extends EventTarget {
  #likes = new Map();
  #timer = 0;

  get ids() {
    return [...this.#likes.keys()];
  }

  /** The heart of `id`, which is there from now on. */
  of(id) {
    if (!this.#likes.has(id)) this.#likes.set(id, new Like());
    return this.#likes.get(id);
  }

  has(id) {
    return this.#likes.has(id);
  }

  /** `event: likes` of the stream. */
  learned(state) {
    this.#likes.get(state.photoid)?.learned(state);
    this.#changed(state.photoid);
  }

  /** Asks which of them this person likes. */
  async refresh(ids = this.ids) {
    if (!ids.length) return;
    const answer = await api.likes(identity.userid, ids);
    for (const { post_id: id, ...state } of answer.body.counts ?? []) {
      if (state.version === undefined) continue;
      this.#likes.get(id)?.learned(state);
      this.#changed(id);
    }
  }

  /** The person pressed one. False when there is nobody who could like it. */
  async press(id) {
    if (!(await identity.named())) return false;
    const like = this.of(id);
    if (like.press(Date.now())) this.#ask(id, like);
    this.#changed(id);
    return true;
  }

  async #ask(id, like) {
    const { status, body, retryAfter } = await api.like(identity.userid, id, like.liked);
    const answer = status === 200 ? body : { status, retryAfter };
    if (like.answered(answer, Date.now())) this.#ask(id, like);
    this.#changed(id);
    this.#arm();
  }

  #arm() {
    clearTimeout(this.#timer);
    const due = [...this.#likes.values()].map((like) => like.deadline).filter((deadline) => deadline !== null);
    if (!due.length) return;
    this.#timer = setTimeout(() => {
      for (const [id, like] of this.#likes) if (like.timer(Date.now())) this.#ask(id, like);
      this.#arm();
    }, Math.max(0, Math.min(...due) - Date.now()) + 1);
  }

  #changed(id) {
    if (this.#likes.has(id)) this.dispatchEvent(new CustomEvent("change", { detail: id }));
  }
}
