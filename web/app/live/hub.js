import { Channel } from "./channel.js";

/** A page says that it is there every 20 s, once a minute when it is hidden. */
const SILENT_MAX = 150_000;

/**
 * Streams that the pages of a browser share. A page is a message port; `base` names a stream, and stands in everything
 * that is told of it.
 */
export class Hub {
  #channels = new Map();
  #heard = new Map();

  constructor() {
    setInterval(() => this.#forget(Date.now()), 30_000);
  }

  connect(port) {
    port.onmessage = ({ data }) => this.#take(port, data);
    port.start();
  }

  #take(port, message) {
    if (message.do === "bye") return this.#drop(port);
    const isForgotten = !this.#heard.has(port) && message.do === "here";
    if (isForgotten) return port.postMessage({ again: true });
    this.#heard.set(port, Date.now());
    if (message.do === "follow") this.#follow(port, message);
    else if (message.do === "renewed") this.#channels.get(message.base)?.renewed(message.isRenewed);
    else if (message.do === "leave") this.#leave(port, message.base);
    else if (message.do === "network") for (const channel of this.#channels.values()) channel.network(message.isOnline);
    else if (message.do === "see") for (const channel of this.#channels.values()) channel.see(port, message.isVisible);
    return undefined;
  }

  #follow(port, { base, ...wish }) {
    if (!this.#channels.has(base)) this.#channels.set(base, new Channel(base));
    this.#channels.get(base).follow(port, wish, (told) => port.postMessage({ base, ...told }));
  }

  #leave(port, base) {
    const channel = this.#channels.get(base);
    channel?.leave(port);
    if (channel?.isUnused) this.#channels.delete(base);
  }

  #drop(port) {
    this.#heard.delete(port);
    for (const base of this.#channels.keys()) this.#leave(port, base);
  }

  #forget(now) {
    for (const [port, heard] of this.#heard) if (now > heard + SILENT_MAX) this.#drop(port);
  }
}
