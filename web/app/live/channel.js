import { Connection } from "../core/connection.js";
import { openStream } from "./stream.js";

const PHOTOS_MAX = 64;
/** Events that follow others sooner than so many ms are told together. */
const TOGETHER = 40;

/** One stream, kept alive for all pages of this browser that follow it. */
export class Channel {
  #base;
  #connection = new Connection();
  #pages = new Map();
  #photos = new Set();
  #states = new Map();
  #close = () => {};
  #timer = 0;
  #opened = 0;
  #status = null;
  /** Events that wait to be told, while `#telling` runs. */
  #news = [];
  #telling = 0;

  /** `base` is the address without photos and position. */
  constructor(base) {
    this.#base = base;
  }

  get isUnused() {
    return this.#pages.size === 0;
  }

  /** A page follows, or follows other photos: the stream has those of all pages, up to 64, the last one's first. `told` gets `{status}`, `{position}`, `{events}`, and
   * `{renew}` when the token of that time is good no more. */
  follow(page, { photos, position, isVisible, isOnline }, told) {
    const isNew = !this.#pages.has(page);
    // The position that it is told is behind them.
    this.#tellNews();
    this.#pages.delete(page);
    this.#pages.set(page, { isVisible, told, photos });
    if (this.#connection.phase === "idle") this.#connection.position ??= position ?? null;
    const wanted = [...this.#pages.values()].reverse().flatMap((one) => one.photos);
    const isMissing = photos.slice(0, PHOTOS_MAX).some((photo) => !this.#photos.has(photo));
    if (isMissing) this.#photos = new Set([...new Set(wanted)].slice(0, PHOTOS_MAX));
    if (isNew) {
      told({ status: this.#connection.status, position: this.#connection.position, isAnswer: true });
      if (this.#states.size) told({ events: [...this.#states.values()] });
    }
    if (isMissing) this.#send({ type: "again" });
    this.#looked();
    this.network(isOnline);
    this.#send({ type: "want" });
  }

  leave(page) {
    this.#pages.delete(page);
    if (this.isUnused) this.#send({ type: "unwant" });
    else this.#looked();
  }

  see(page, isVisible) {
    const one = this.#pages.get(page);
    if (!one) return;
    one.isVisible = isVisible;
    this.#looked();
  }

  network(isOnline) {
    this.#send({ type: isOnline ? "online" : "offline" });
  }

  #looked() {
    const isSeen = [...this.#pages.values()].some((page) => page.isVisible);
    this.#send({ type: isSeen ? "visible" : "hidden" });
  }

  /** A page has another token, or knows that there is none. */
  renewed(isRenewed) {
    this.#send({ type: "renewed", isRenewed });
  }

  #send(event) {
    for (const action of this.#connection.on(event, Date.now())) {
      if (action.do === "renew") {
        this.#tell({ renew: this.#opened });
        continue;
      }
      this.#close();
      this.#close = action.do === "open" ? this.#open(action) : () => {};
    }
    this.#arm();
    if (this.#connection.status === this.#status) return;
    this.#status = this.#connection.status;
    this.#tell({ status: this.#status, position: this.#connection.position });
  }

  #open({ stream, position }) {
    this.#opened = Date.now();
    const query = [this.#base];
    if (this.#photos.size) query.push(`photoids=${[...this.#photos].join(",")}`);
    if (position) query.push(`lastEventId=${position}`);
    return openStream(query.join("&"), (what) => {
      if (what.type === "bytes") this.#received(what.events, stream);
      else this.#send({ ...what, stream });
    });
  }

  #received(events, stream) {
    this.#send({ type: "alive", stream });
    let farewell = null;
    for (const { event, data, id, retry } of events) {
      if (event === "reconnect") {
        farewell = { type: "reconnect", reason: parsed(data)?.reason, retry, stream };
        break;
      }
      const value = parsed(data);
      if (value === null) continue;
      if (event === "message" && value.type === "connected") {
        this.#send({ type: "connected", position: id, stream });
        continue;
      }
      if (event === "likes" || event === "viewers") this.#states.set(event + value.photoid, { event, value });
      else if (id) this.#send({ type: "position", position: id, stream });
      this.#news.push({ event, value, id });
    }
    if (!this.#telling) this.#tellNews();
    if (farewell) this.#send(farewell);
  }

  /** What came alone is told at once. */
  #tellNews() {
    clearTimeout(this.#telling);
    this.#telling = 0;
    if (!this.#news.length) return;
    const events = this.#news;
    this.#news = [];
    this.#tellAll({ events });
    this.#telling = setTimeout(() => this.#tellNews(), TOGETHER);
  }

  /** What happened before is told before. */
  #tell(message) {
    this.#tellNews();
    this.#tellAll(message);
  }

  #tellAll(message) {
    for (const page of this.#pages.values()) page.told(message);
  }

  #arm() {
    clearTimeout(this.#timer);
    const { deadline } = this.#connection;
    if (deadline === null) return;
    this.#timer = setTimeout(() => this.#send({ type: "timer" }), Math.max(0, deadline - Date.now()) + 1);
  }
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
