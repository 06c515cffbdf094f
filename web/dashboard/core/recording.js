/** The lines of a recording: `{event, data}` each. What is no such line is counted and passed over. */
export function parseRecording(text) {
  const events = [];
  let broken = 0;
  for (const line of text.split("\n")) {
    if (!line) continue;
    try {
      const { event, data } = JSON.parse(line);
      if (event !== "map" && event !== "state") throw new TypeError(event);
      events.push({ event, data });
    } catch {
      broken += 1;
    }
  }
  return { events, broken };
}

/** Plays a recording: what was there at a moment, and what comes after it. */
export class Replay {
  #events;
  #next = 0;
  #start;

  constructor(events) {
    this.#events = events;
    const times = events.filter(({ event }) => event === "state").map(({ data }) => Date.parse(data.time));
    this.#start = times[0] ?? 0;
    this.duration = (times.at(-1) ?? this.#start) - this.#start;
    this.at = 0;
  }

  get start() {
    return this.#start;
  }

  get isAtEnd() {
    return this.#next >= this.#events.length;
  }

  /** The events up to a moment, in milliseconds since the start; `isAnew` when it went back, and all are there again. */
  to(moment) {
    const at = Math.max(0, Math.min(moment, this.duration));
    const isAnew = at < this.at;
    if (isAnew) this.#next = 0;
    this.at = at;
    const events = [];
    while (this.#next < this.#events.length) {
      const { event, data } = this.#events[this.#next];
      if (event === "state" && Date.parse(data.time) - this.#start > at) break;
      events.push({ event, data });
      this.#next += 1;
    }
    return { events, isAnew };
  }
}
