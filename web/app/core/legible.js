const PER_SECOND = 8;
const WINDOW = 2_000;
const AFTER_CONNECT = 100;
const CATCHING_UP = 2_000;
const ANNOUNCED_EVERY = 4_000;
const TEXT_MAX = 140;
const QUOTES_MAX = 5;

/** Which of the comments are shown: all up to 8 a second, then a steady 8. */
export class Sampler {
  #tokens = PER_SECOND;
  #at = 0;
  #catchingUpUntil = 0;
  #seen = [];

  /** Missed comments come at once after a connect, and are shown. */
  connected(now) {
    this.#tokens = AFTER_CONNECT;
    this.#catchingUpUntil = now + CATCHING_UP;
  }

  /** Whether a comment that came now is shown; `always` for the person's own and mentions. */
  take(now, always) {
    const refill = ((now - this.#at) / 1000) * PER_SECOND;
    if (now >= this.#catchingUpUntil) this.#tokens = Math.min(PER_SECOND, this.#tokens + refill);
    this.#at = now;
    const isShown = always || this.#tokens >= 1;
    if (isShown) this.#tokens = Math.max(0, this.#tokens - 1);
    this.#seen.push({ now, isShown });
    if (this.#seen.length > 4_000) this.#forget(now);
    return isShown;
  }

  /** Comments a second over the last two: `{shown, rate}`. They differ when it is sampled. */
  rate(now) {
    this.#forget(now);
    const shown = this.#seen.filter((one) => one.isShown).length;
    return { shown: perSecond(shown), rate: perSecond(this.#seen.length), isSampled: shown < this.#seen.length };
  }

  #forget(now) {
    const first = this.#seen.findIndex((one) => one.now > now - WINDOW);
    this.#seen = first < 0 ? [] : this.#seen.slice(first);
  }
}

function perSecond(count) {
  return Math.round(count / (WINDOW / 1000));
}

/**
 * What a screen reader is told of new comments, at most once in four seconds. Modes: `all` quotes the last five,
 * `summary` the last one and mentions, `off` nothing.
 */
export class Announcer {
  mode = "summary";
  #count = 0;
  #quotes = [];
  #saidAt = -ANNOUNCED_EVERY;

  /** A comment, whether it is shown or not. */
  heard({ userid, text, isMention }) {
    this.#count += 1;
    const isNews = this.mode === "all" || isMention || !this.#quotes.some((quote) => quote.isMention);
    if (!isNews) return;
    const kept = this.mode === "all" ? QUOTES_MAX - 1 : isMention ? 2 : 0;
    const before = this.#quotes.filter((quote) => this.mode === "all" || quote.isMention);
    this.#quotes = [...before.slice(before.length - Math.min(kept, before.length)), { userid, text, isMention }];
  }

  /** The sentence that is due, or null. */
  say(now) {
    if (this.mode === "off") this.#clear();
    if (this.#count === 0 || now < this.#saidAt + ANNOUNCED_EVERY) return null;
    const quotes = this.#quotes.map(({ userid, text }) => `${userid}: ${shortened(text)}`);
    if (this.#count > quotes.length) quotes.unshift(`${this.#count} comments`);
    this.#saidAt = now;
    this.#clear();
    return quotes.join("; ");
  }

  #clear() {
    this.#count = 0;
    this.#quotes = [];
  }
}

function shortened(text) {
  const points = [...text];
  return points.length > TEXT_MAX ? `${points.slice(0, TEXT_MAX).join("")}…` : text;
}
