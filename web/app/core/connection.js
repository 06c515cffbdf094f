import { backoff } from "./common.js";

/** Two heartbeats of the Reader's default, and time for the second one. */
const SILENCE_MAX = 55_000;
const OPENING_MAX = 15_000;
const HIDDEN_MAX = 60_000;
/** A stream that ends sooner counts as a failed attempt. */
const STEADY = 5_000;
const WAIT_MAX = 30_000;
/** So long a page may take to get another token before it is asked again. */
const RENEWAL_MAX = 20_000;
/** Why a stream ends that another token can take up. */
const UNAUTHORIZED = ["token_expired", "token_revoked", "account_suspended"];

/**
 * The life of one event stream, without the stream: takes what happened and says what to do.
 *
 * Phases: `idle` nobody wants it; `opening`; `live`; `waiting` for the next attempt; `expired` until there is another token;
 * `offline` no network; `hidden` nobody looks; `failed` refused for good.
 */
export class Connection {
  phase = "idle";
  position = null;
  wasLive = false;
  #random;
  #stream = 0;
  #attempt = 0;
  #wanted = false;
  #isRenewed = false;
  #online = true;
  #hiddenSince = null;
  #liveSince = 0;
  #streamDeadline = null;

  constructor(random = Math.random) {
    this.#random = random;
  }

  /** When `{type: "timer"}` is due, in the milliseconds of `now`; or null. */
  get deadline() {
    const hidden = this.#hiddenSince !== null && this.#isUp ? this.#hiddenSince + HIDDEN_MAX : Infinity;
    const due = Math.min(this.#streamDeadline ?? Infinity, hidden);
    return due === Infinity ? null : due;
  }

  /** What a person is told. */
  get status() {
    if (this.phase === "live" || this.phase === "offline" || this.phase === "failed") return this.phase;
    if (this.phase === "idle" || this.phase === "hidden") return "paused";
    return this.wasLive || this.#attempt > 1 ? "reconnecting" : "connecting";
  }

  /**
   * The actions that an event leads to: `{do: "open", stream, position}`, `{do: "close"}` or `{do: "renew"}`, answered by
   * `renewed`. What comes from a stream has its number; `again` opens it anew, for other photos. Times are in milliseconds.
   */
  on(event, now) {
    if (event.stream !== undefined && event.stream !== this.#stream) return [];
    switch (event.type) {
      case "want": this.#wanted = true; return this.#start(now);
      case "unwant": this.#wanted = false; return this.#stop("idle");
      case "online": this.#online = true; return this.#start(now);
      case "offline": this.#online = false; return this.#wanted ? this.#stop("offline") : [];
      case "hidden": this.#hiddenSince ??= now; return [];
      case "visible": this.#hiddenSince = null; return this.phase === "live" ? [] : this.#start(now);
      case "again": return this.#isUp ? [...this.#stop("idle"), ...this.#open(now)] : [];
      case "timer": return this.#timer(now);
      case "alive": this.#heard(now); return [];
      case "position": this.position = event.position; this.#heard(now); return [];
      case "connected": return this.#connected(event, now);
      case "reconnect":
        return UNAUTHORIZED.includes(event.reason) ? this.#expire(now) : this.#retry(now, event.retry ?? 0);
      case "renewed": return this.#renewed(event.isRenewed, now);
      case "ended": return this.#retry(now, 0);
      case "refused": return this.#refused(event, now);
      default: throw new TypeError(`no event of a connection: ${event.type}`);
    }
  }

  get #isUp() {
    return ["opening", "live", "waiting", "expired"].includes(this.phase);
  }

  /** Opens unless it is open; one that waits does not wait any longer. */
  #start(now) {
    if (!this.#wanted || this.phase === "opening" || this.phase === "live") return [];
    if (!this.#online) {
      this.phase = "offline";
      return [];
    }
    if (this.phase !== "waiting") this.#attempt = 0;
    return this.#open(now);
  }

  #open(now) {
    this.phase = "opening";
    this.#stream += 1;
    this.#streamDeadline = now + OPENING_MAX;
    return [{ do: "open", stream: this.#stream, position: this.position }];
  }

  #stop(phase) {
    const isOpen = this.phase === "opening" || this.phase === "live";
    this.phase = phase;
    this.#stream += 1;
    this.#streamDeadline = null;
    return isOpen ? [{ do: "close" }] : [];
  }

  #heard(now) {
    if (this.phase === "live") this.#streamDeadline = now + SILENCE_MAX;
  }

  #connected(event, now) {
    this.phase = "live";
    this.wasLive = true;
    this.#isRenewed = false;
    this.#liveSince = now;
    this.position = event.position || this.position;
    this.#heard(now);
    return [];
  }

  #retry(now, least) {
    if (this.phase === "live" && now - this.#liveSince >= STEADY) this.#attempt = 0;
    this.#attempt += 1;
    const wait = Math.min(WAIT_MAX, Math.max(least, backoff(this.#attempt, this.#random)));
    const actions = this.#stop("waiting");
    this.#streamDeadline = now + wait;
    return actions;
  }

  #expire(now) {
    // Another token did not help.
    if (this.#isRenewed) return this.#stop("failed");
    const actions = this.#stop("expired");
    this.#streamDeadline = now + RENEWAL_MAX;
    return [...actions, { do: "renew" }];
  }

  #renewed(isRenewed, now) {
    if (this.phase !== "expired") return [];
    if (!isRenewed) return this.#stop("failed");
    this.#isRenewed = true;
    return this.#open(now);
  }

  #refused(event, now) {
    if (event.status === 401) return this.#expire(now);
    if (event.status >= 400 && event.status < 500 && event.status !== 429) return this.#stop("failed");
    // Everybody was told the same number of seconds.
    return this.#retry(now, (event.retryAfter ?? 0) * (1 + this.#random() / 4));
  }

  #timer(now) {
    if (this.deadline === null || now < this.deadline) return [];
    if (this.#hiddenSince !== null && now >= this.#hiddenSince + HIDDEN_MAX) return this.#stop("hidden");
    if (this.phase === "waiting") return this.#open(now);
    if (this.phase === "expired") return this.#expire(now);
    return this.#retry(now, 0);
  }
}
