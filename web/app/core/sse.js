/**
 * The event stream of the WHATWG HTML standard, "Server-sent events", fed in pieces of any size.
 * An event is `{event, data, id, retry}`: `id` is that of the last event that had one, `retry` is missing mostly.
 */
export class EventStreamParser {
  #rest = "";
  #skipLineFeed = false;
  #data = [];
  #event = "";
  #retry;
  #id = "";
  #atStart = true;

  /** The events that became complete with this text. */
  push(text) {
    const events = [];
    if (this.#atStart && text) {
      this.#atStart = false;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    if (this.#skipLineFeed && text) {
      this.#skipLineFeed = false;
      if (text.startsWith("\n")) text = text.slice(1);
    }
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    // A carriage return at the end may be the first half of a line break.
    if (text.endsWith("\r")) this.#skipLineFeed = true;
    this.#rest = lines.pop();
    for (const line of lines) {
      const event = this.#take(line);
      if (event) events.push(event);
    }
    return events;
  }

  #take(line) {
    if (line === "") return this.#finish();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) this.#retry = Number(value);
    return null;
  }

  #finish() {
    const event = { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id };
    if (this.#retry !== undefined) event.retry = this.#retry;
    const isEmpty = this.#data.length === 0;
    this.#data = [];
    this.#event = "";
    this.#retry = undefined;
    return isEmpty ? null : event;
  }
}
