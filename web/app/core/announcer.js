const INTERVAL = 4_000;
const TEXT_MAX = 140;
const QUOTES_MAX = 5;

/**
 * What a screen reader is told of new comments, at most once in four seconds. Modes: `all` quotes the last five,
 * `summary` the last one and mentions, `off` nothing.
 */
export class Announcer {
  mode = "summary";
  #count = 0;
  #quotes = [];
  #saidAt = -INTERVAL;

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
    if (this.#count === 0 || now < this.#saidAt + INTERVAL) return null;
    const quotes = this.#quotes.map(({ userid, text }) => `${userid}: ${shortened(text)}`);
    const sentence = this.#count > quotes.length ? [`${this.#count} comments`, ...quotes].join("; ") : quotes.join("; ");
    this.#saidAt = now;
    this.#clear();
    return sentence;
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
