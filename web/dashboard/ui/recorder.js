import { h } from "/app/ui/dom.js";

const BYTES_MAX = 64 << 20;

/** Records the feed as StatsAPI writes it, and gives it to the person as a file. */
export class Recorder {
  #ended = null;

  constructor(say) {
    this.button = h("button", { class: "action", type: "button", "aria-pressed": "false", onclick: () => this.#press() }, "Record");
    this.say = say;
  }

  async #press() {
    if (this.#ended) return this.#ended.abort();
    this.#ended = new AbortController();
    this.button.textContent = "Stop";
    this.button.setAttribute("aria-pressed", "true");
    const parts = [];
    try {
      const response = await fetch("/statistics/feed?format=ndjson", { signal: this.#ended.signal, cache: "no-store" });
      if (!response.ok) throw new Error(String(response.status));
      let bytes = 0;
      for await (const part of chunks(response.body)) {
        parts.push(part);
        bytes += part.byteLength;
        this.say(`recording, ${(bytes / 1e6).toFixed(1)} MB`);
        if (bytes > BYTES_MAX) break;
      }
    } catch (error) {
      if (!this.#ended.signal.aborted) this.say(`not recorded: ${error.message}`);
    }
    this.#ended = null;
    this.button.textContent = "Record";
    this.button.setAttribute("aria-pressed", "false");
    if (parts.length) this.#save(parts);
    return undefined;
  }

  #save(parts) {
    this.say("");
    const address = URL.createObjectURL(new Blob(parts, { type: "application/x-ndjson" }));
    const name = `chorus-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.ndjson`;
    h("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }
}

async function* chunks(body) {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
