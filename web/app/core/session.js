import { backoff } from "./common.js";

/** A token is renewed before it ends: after four fifths of its life, two minutes before at most. */
const AHEAD_MAX = 120_000;

/**
 * A log-in, as a page knows it: `kept` is what all pages share, `{userid, since, until}` in milliseconds, or null. The
 * token itself is in a cookie that no page can read.
 *
 * Phases: `out`; `in`; `renewing` while the next token is asked for.
 */
export class Session {
  phase = "out";
  kept = null;
  /** Why it ended, as the service's code; null when the person ended it. */
  reason = null;
  #random;
  #attempt = 0;
  #retryAt = null;

  constructor(random = Math.random) {
    this.#random = random;
  }

  get userid() {
    return this.kept?.userid ?? null;
  }

  /** When `{type: "timer"}` is due, or null. */
  get deadline() {
    if (this.phase !== "in") return null;
    const { since, until } = this.kept;
    return this.#retryAt ?? until - Math.min(AHEAD_MAX, (until - since) / 5);
  }

  /**
   * The actions that an event leads to: `{do: "renew"}`, `{do: "keep", kept}` for the other pages. `life` is how long the
   * new token is valid.
   */
  on(event, now) {
    switch (event.type) {
      case "kept": return this.#learn(event.kept);
      case "signedIn": return this.#begin(event.userid, event.life, now);
      case "signedOut": return this.#end(null);
      case "timer": return this.deadline !== null && now >= this.deadline ? this.#renew() : [];
      // What was sent before the token of now says nothing about it.
      case "unauthorized": return this.phase === "in" && event.sent >= this.kept.since ? this.#renew() : [];
      case "renewed": return this.phase !== "out" ? this.#begin(this.userid, event.life, now) : [];
      case "refused": return this.phase === "renewing" ? this.#refused(event, now) : [];
      default: throw new TypeError(`no event of a session: ${event.type}`);
    }
  }

  /** What another page, or an earlier visit, kept. */
  #learn(kept) {
    if (kept === null) {
      if (this.phase !== "out") this.reason = null;
      this.#become("out", null);
    } else if (kept.userid !== this.userid || kept.since >= this.kept.since) this.#become("in", kept);
    else if (this.phase === "renewing") this.phase = "in";
    return [];
  }

  #begin(userid, life, now) {
    this.#become("in", { userid, since: now, until: now + life });
    this.reason = null;
    return [{ do: "keep", kept: this.kept }];
  }

  #end(reason) {
    this.#become("out", null);
    this.reason = reason;
    return [{ do: "keep", kept: null }];
  }

  #renew() {
    this.phase = "renewing";
    return [{ do: "renew" }];
  }

  #refused({ status, code, retryAfter }, now) {
    if (status === 401 || status === 403) return this.#end(code ?? "invalid_refresh_token");
    this.phase = "in";
    this.#attempt += 1;
    this.#retryAt = now + Math.max(retryAfter ?? 0, backoff(this.#attempt, this.#random));
    return [];
  }

  #become(phase, kept) {
    this.phase = phase;
    this.kept = kept;
    this.#attempt = 0;
    this.#retryAt = null;
  }
}

const SENTENCES = {
  account_suspended: "This account is suspended.",
  authentication_required: "Sign in first.",
  busy: "Many people sign in right now. Try again in a moment.",
  invalid_credentials: "The name or the password is wrong.",
  invalid_refresh_token: "You were signed out: this log-in is over.",
  slow_mode: "Slow mode.",
  username_taken: "Somebody has this name already. Take another one.",
  wrong_password: "The current password is wrong.",
};

/** A refusal in words: `{status, code, error, retryAfter}` of an answer. */
export function sentence({ status, code, error, retryAfter }) {
  if (!status) return "Nobody answers. Is there a network?";
  const words = SENTENCES[code];
  if (status === 429) return `${words ?? "Too many attempts."} Try again in ${period(retryAfter)}.`;
  return words ?? (error ? `${error[0].toUpperCase()}${error.slice(1)}.` : "That did not work.");
}

function period(milliseconds) {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  const [count, unit] = seconds < 100 ? [seconds, "second"] : [Math.ceil(seconds / 60), "minute"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
