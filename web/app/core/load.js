const IN_FLIGHT_MAX = 32;
const LATENCIES_MAX = 1_000;

/** An open loop: work starts at a rate, whatever is answered. What finds too much under way is dropped and counted. */
export class OpenLoop {
  started = 0;
  dropped = 0;
  acknowledged = 0;
  refused = 0;
  #owed = 0;
  #at;
  #inFlight = 0;

  constructor(now) {
    this.#at = now;
  }

  /** How much is to start now at `perSecond`. */
  due(now, perSecond) {
    this.#owed += ((now - this.#at) / 1000) * perSecond;
    this.#at = now;
    const whole = Math.floor(this.#owed);
    this.#owed -= whole;
    const room = Math.min(whole, IN_FLIGHT_MAX - this.#inFlight);
    this.started += room;
    this.dropped += whole - room;
    this.#inFlight += room;
    return room;
  }

  ended(isAcknowledged) {
    this.#inFlight -= 1;
    if (isAcknowledged) this.acknowledged += 1;
    else this.refused += 1;
  }
}

/** Milliseconds from sending to seeing, of the last 1,000 comments. */
export class Latencies {
  #sent = new Map();
  #values = [];

  sent(key, now) {
    this.#sent.set(key, now);
    if (this.#sent.size > LATENCIES_MAX) this.#sent.delete(this.#sent.keys().next().value);
  }

  seen(key, now) {
    if (!this.#sent.has(key)) return;
    this.#values.push(now - this.#sent.get(key));
    this.#sent.delete(key);
    if (this.#values.length > LATENCIES_MAX) this.#values.shift();
  }

  /** By nearest rank; null when nothing was seen. */
  percentile(share) {
    if (!this.#values.length) return null;
    const sorted = [...this.#values].sort((one, other) => one - other);
    return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  }
}
