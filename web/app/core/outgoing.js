import { backoff } from "./backoff.js";

const TRY_FOR = 60_000;

/**
 * One comment on its way out. Its key is the Idempotency-Key of every attempt, and becomes the comment's id.
 *
 * Phases: `sending`; `waiting` for the next attempt; `stored` (202: it will appear); `sent`; `failed`, with `reason`.
 */
export class Outgoing {
  phase = "sending";
  reason = null;
  /** When `timer(now)` is due, or null. */
  deadline = null;
  #random;
  #attempt = 0;
  #since;

  constructor(key, text, now, random = Math.random) {
    this.key = key;
    this.text = text;
    this.#since = now;
    this.#random = random;
  }

  /** What a request led to: `{status, retryAfter, error}`, with status 0 when there was no answer. */
  answered({ status, retryAfter, error }, now) {
    if (this.phase !== "sending") return;
    if (status === 200 || status === 201) this.#become("sent");
    else if (status === 202) this.#become("stored");
    else if (status >= 400 && status < 500 && status !== 429) this.#fail(error ?? "It was refused");
    else if (now - this.#since > TRY_FOR) this.#fail("Nobody answers");
    else {
      this.#attempt += 1;
      this.#become("waiting");
      this.deadline = now + Math.max(retryAfter ?? 0, backoff(this.#attempt, this.#random));
    }
  }

  /** It came on the stream: whatever the answers said, it is there. */
  seen() {
    this.#become("sent");
  }

  /** Whether to send it now. */
  timer(now) {
    if (this.phase !== "waiting" || now < this.deadline) return false;
    this.#become("sending");
    return true;
  }

  /** The person tries again, with the same key. */
  again(now) {
    if (this.phase !== "failed") return false;
    this.#attempt = 0;
    this.#since = now;
    this.#become("sending");
    return true;
  }

  #become(phase) {
    this.phase = phase;
    this.deadline = null;
    this.reason = null;
  }

  #fail(reason) {
    this.#become("failed");
    this.reason = reason;
  }
}
