import { Connection } from "/app/core/connection.js";
import { openStream } from "/app/live/stream.js";

/** The live feed: one stream, kept alive while the page is seen, and nothing while it is hidden. */
export class Feed {
  #connection = new Connection();
  #close = () => {};
  #timer = 0;
  #told;
  #wanted = false;

  /** `told` gets `{status}`, `{begin: true}` when a stream begins, and `{event, data}`. */
  constructor(told) {
    this.#told = told;
    document.addEventListener("visibilitychange", () => this.#look());
    addEventListener("online", () => this.#send({ type: "online" }));
    addEventListener("offline", () => this.#send({ type: "offline" }));
  }

  start() {
    this.#wanted = true;
    this.#look();
  }

  stop() {
    this.#wanted = false;
    this.#look();
  }

  #look() {
    this.#send({ type: this.#wanted && document.visibilityState === "visible" ? "want" : "unwant" });
  }

  #send(event) {
    for (const action of this.#connection.on(event, Date.now())) {
      this.#close();
      this.#close = action.do === "open" ? this.#open(action.stream) : () => {};
    }
    clearTimeout(this.#timer);
    const { deadline, status } = this.#connection;
    if (deadline !== null) this.#timer = setTimeout(() => this.#send({ type: "timer" }), Math.max(0, deadline - Date.now()) + 1);
    this.#told({ status });
  }

  #open(stream) {
    let isBegun = false;
    return openStream("/statistics/feed", (what) => {
      if (what.type !== "bytes") return this.#send({ ...what, stream });
      if (!isBegun) {
        isBegun = true;
        this.#send({ type: "connected", stream });
        this.#told({ begin: true });
      } else {
        this.#send({ type: "alive", stream });
      }
      for (const { event, data } of what.events) this.#told({ event, data: JSON.parse(data) });
      return undefined;
    });
  }
}
