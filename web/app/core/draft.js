export const POST_MAX = 5_000;
export const PICTURES_MAX = 4;
const BYTES_MAX = 10 * 1024 * 1024;
const TYPES = ["image/jpeg", "image/png", "image/webp"];

/**
 * A post that is being written, by the rules of docs/PROTOCOL.md. A picture is `{key, phase, share, media, problem}`: `sending`
 * with the share that is sent, `ready` with what the service calls it, or `failed`.
 */
export class Draft {
  text = "";
  pictures = [];
  #keys = 0;

  /** Takes a file, `{type, size}`: the picture, or the sentence of why not. */
  add({ type, size }) {
    if (this.pictures.length >= PICTURES_MAX) return `At most ${PICTURES_MAX} pictures.`;
    if (!TYPES.includes(type)) return "Only JPEG, PNG and WebP.";
    if (size > BYTES_MAX) return "At most 10 MiB a picture.";
    this.#keys += 1;
    const picture = { key: this.#keys, phase: "sending", share: 0, media: null, problem: null };
    this.pictures.push(picture);
    return picture;
  }

  progress(key, share) {
    this.#change(key, (one) => { one.share = Math.max(one.share, Math.min(1, share)); });
  }

  /** What the upload led to: the service's `media`, or the sentence of a refusal. */
  ended(key, media, problem) {
    this.#change(key, (one) => Object.assign(one, media ? { phase: "ready", share: 1, media } : { phase: "failed", problem }));
  }

  remove(key) {
    this.pictures = this.pictures.filter((one) => one.key !== key);
  }

  get room() {
    return POST_MAX - [...this.text.trim()].length;
  }

  get canPublish() {
    const isSomething = this.text.trim() !== "" || this.pictures.length > 0;
    return isSomething && this.room >= 0 && this.pictures.every(({ phase }) => phase === "ready");
  }

  get post() {
    return { content: this.text.trim(), media_ids: this.pictures.map(({ media }) => media.media_id) };
  }

  /** A picture that was taken away meanwhile hears nothing more. */
  #change(key, change) {
    const one = this.pictures.find((picture) => picture.key === key);
    if (one?.phase === "sending") change(one);
  }
}
