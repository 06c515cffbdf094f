import { backoff } from "./common.js";

const TRY_FOR = 60_000;

/**
 * One comment on its way out. Its key is the Idempotency-Key of every attempt, and the comment's id.
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

/**
 * One photo's heart: what the server said last, and what the person wants. The largest version wins, in whatever order
 * answers and events come. What the person wants is shown before it is answered.
 */
export class Like {
  #random;
  #liked = false;
  #count = 0;
  #version = -1;
  #wanted = null;
  #isAsking = false;
  #held = null;
  #attempt = 0;
  #since = 0;

  /** When `timer(now)` is due, or null. */
  deadline = null;

  constructor(random = Math.random) {
    this.#random = random;
  }

  get liked() {
    return this.#wanted ?? this.#liked;
  }

  get count() {
    const change = this.#wanted === null || this.#wanted === this.#liked ? 0 : this.#wanted ? 1 : -1;
    return Math.max(0, this.#count + change);
  }

  get isKnown() {
    return this.#version >= 0;
  }

  get isPending() {
    return this.#wanted !== null;
  }

  /** A state event or a read. While a like is under way its own event cannot be told apart, and waits. */
  learned({ count, version, liked }) {
    if (liked !== undefined && !this.isPending) this.#liked = liked;
    if (this.#isAsking) {
      if (!this.#held || version > this.#held.version) this.#held = { count, version };
    } else this.#take(count, version);
  }

  /** The person pressed the heart: whether to ask now for `liked`. */
  press(now) {
    this.#wanted = !this.liked;
    this.#since = now;
    return this.#ask();
  }

  /** `{liked, count, version}`, or `{status, retryAfter}` of a refusal. Whether to ask again now. */
  answered(answer, now) {
    this.#isAsking = false;
    this.#release();
    if (answer.version !== undefined) {
      this.#liked = answer.liked;
      this.#take(answer.count, answer.version);
      this.#attempt = 0;
      if (this.#wanted === this.#liked) this.#wanted = null;
      return this.#ask();
    }
    const isFinal = answer.status >= 400 && answer.status < 500 && answer.status !== 429;
    if (isFinal || now - this.#since > TRY_FOR) {
      this.#wanted = null;
      this.#attempt = 0;
      return false;
    }
    this.#attempt += 1;
    this.deadline = now + Math.max(answer.retryAfter ?? 0, backoff(this.#attempt, this.#random));
    return false;
  }

  /** Whether to ask now. */
  timer(now) {
    if (this.deadline === null || now < this.deadline) return false;
    this.deadline = null;
    return this.#ask();
  }

  #ask() {
    if (this.#isAsking || this.deadline !== null || this.#wanted === null) return false;
    if (this.#wanted === this.#liked && this.#attempt === 0) {
      this.#wanted = null;
      return false;
    }
    this.#isAsking = true;
    return true;
  }

  #take(count, version) {
    if (version <= this.#version) return;
    this.#count = count;
    this.#version = version;
  }

  #release() {
    if (this.#held) this.#take(this.#held.count, this.#held.version);
    this.#held = null;
  }
}
