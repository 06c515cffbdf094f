import { position as parsed } from "../core/common.js";
import { identity } from "../identity.js";

const HERE_EVERY = 20_000;
/** The only scripts that are started by their address; the policy's name stands in the gateway's CSP. */
const SCRIPTS = ["/app/live/worker.js", "/app/service-worker.js"];

const policy = globalThis.trustedTypes?.createPolicy("chorus", {
  createScriptURL(address) {
    if (SCRIPTS.includes(address)) return address;
    throw new TypeError(`not a script of the app: ${address}`);
  },
});

export function scriptURL(address) {
  return policy ? policy.createScriptURL(address) : address;
}

/** A page's side of the hub: in a SharedWorker, or in the page itself where there is none. */
class Live {
  #port = null;
  #following = new Map();

  constructor() {
    this.#connect();
    document.addEventListener("visibilitychange", () => this.#post({ do: "see", isVisible: isVisible() }));
    for (const name of ["online", "offline"]) {
      addEventListener(name, () => this.#post({ do: "network", isOnline: navigator.onLine }));
    }
    // Frozen pages and those in the back-forward cache hear nothing; they come back with their last position.
    addEventListener("pagehide", () => this.#leave());
    document.addEventListener("freeze", () => this.#leave());
    addEventListener("pageshow", ({ persisted }) => persisted && this.#connect());
    document.addEventListener("resume", () => this.#connect());
    setInterval(() => this.#post({ do: "here" }), HERE_EVERY);
  }

  /**
   * Follows a stream, after a position when one is given. `told` gets `{status, position}` and `{events}`. The query is
   * that of `GET /connect`.
   */
  follow(query, photos, told, position = null) {
    const base = `/connect?${new URLSearchParams(query)}`;
    const one = { photos, told, position };
    this.#following.set(base, one);
    this.#ask(base, one);
    return {
      get position() { return one.position; },
      setPhotos: (next) => {
        one.photos = next;
        this.#ask(base, one);
      },
      stop: () => {
        this.#following.delete(base);
        this.#post({ do: "leave", base });
      },
    };
  }

  #connect() {
    if (this.#port) return;
    if ("SharedWorker" in globalThis) {
      const worker = new SharedWorker(scriptURL("/app/live/worker.js"), { type: "module", name: "chorus" });
      worker.onerror = () => this.#inside();
      this.#use(worker.port);
    } else this.#inside();
  }

  async #inside() {
    const { Hub } = await import("./hub.js");
    const { port1, port2 } = new MessageChannel();
    this.hub ??= new Hub();
    this.hub.connect(port1);
    this.#use(port2);
  }

  #use(port) {
    this.#port = port;
    port.onmessage = ({ data }) => {
      if (data.again) this.#askAll();
      else this.#take(data);
    };
    this.#askAll();
  }

  #leave() {
    this.#post({ do: "bye" });
    this.#port?.close();
    this.#port = null;
  }

  #askAll() {
    for (const [base, one] of this.#following) this.#ask(base, one);
  }

  #ask(base, { photos, position }) {
    this.#post({ do: "follow", base, photos, position, isVisible: isVisible(), isOnline: navigator.onLine });
  }

  #take({ base, isAnswer, ...message }) {
    const one = this.#following.get(base);
    if (!one) return;
    if (message.renew !== undefined) {
      this.#renew(base, message.renew);
      return;
    }
    if (isAnswer && one.position) {
      const gap = missed(one.position, message.position);
      if (gap) one.told({ events: [{ event: "gap", value: gap, id: message.position }] });
      one.position = message.position ?? one.position;
    }
    one.told(message);
    const last = message.events?.findLast((event) => event.id);
    if (last) one.position = last.id;
    else if (message.status === "live") one.position ??= message.position;
  }

  async #renew(base, since) {
    const isRenewed = await identity.renewed(since);
    if (isRenewed !== null) this.#post({ do: "renewed", base, isRenewed });
  }

  #post(message) {
    this.#port?.postMessage(message);
  }
}

/** What went by on a shared stream while this page did not listen, as the Reader says it. */
function missed(mine, shared) {
  const [from, to] = [parsed(mine), parsed(shared)];
  if (!to || mine === shared) return null;
  if (from && from.epoch !== to.epoch) return { reason: "epoch_changed" };
  return to.offset > (from?.offset ?? 0) ? { from: (from?.offset ?? 0) + 1, to: to.offset } : null;
}

function isVisible() {
  return document.visibilityState === "visible";
}

export const live = new Live();
