import { moment } from "/app/core/common.js";
import { h } from "/app/ui/dom.js";
import { parseRecording, Replay } from "../core/recording.js";

const BYTES_MAX = 64 << 20;
const STEP = 250;
const SPEEDS = [1, 4, 16];

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

/** Plays a recording in the place of the live feed. */
export class Player extends EventTarget {
  replay = null;
  #speed = 1;
  #timer = 0;
  #file = h("input", { class: "unseen", type: "file", accept: ".ndjson", tabindex: "-1", "aria-label": "A recording", onchange: () => this.#chosen() });
  #range = h("input", { type: "range", min: "0", step: "1000", "aria-label": "Moment of the recording", oninput: () => this.seek(Number(this.#range.value)) });
  #time = h("span", { class: "figure" });
  #play = h("button", { class: "action", type: "button", onclick: () => (this.#timer ? this.pause() : this.play()) }, "Play");
  #faster = h("button", { class: "action", type: "button", "aria-label": "Speed", onclick: () => this.#turn() }, "1×");

  constructor(say) {
    super();
    this.say = say;
    this.button = h("button", { class: "action", type: "button", onclick: () => this.#file.click() }, "Replay");
    this.element = h("section", { class: "player", hidden: true, "aria-label": "Recording" },
      this.#play, this.#faster, this.#range, this.#time,
      h("button", { class: "action", type: "button", onclick: () => this.stop() }, "Back to live"), this.#file);
    // It is outside of the hidden section, so that it can be pressed.
    this.button.after(this.#file);
  }

  async #chosen() {
    const [file] = this.#file.files;
    this.#file.value = "";
    if (file) this.open(await file.text());
  }

  /** A recording of this origin, by its path. */
  async fetch(path) {
    const response = await fetch(path);
    if (!response.ok) return this.say(`no recording at ${path}`);
    return this.open(await response.text());
  }

  open(text) {
    const { events, broken } = parseRecording(text);
    if (!events.some(({ event }) => event === "state")) return this.say("this is no recording");
    this.say(broken ? `${broken} lines could not be read` : "");
    this.replay = new Replay(events);
    this.#range.max = String(Math.ceil(this.replay.duration / 1000) * 1000);
    this.element.hidden = false;
    this.dispatchEvent(new Event("open"));
    this.seek(0);
    return undefined;
  }

  /** Milliseconds from the start of the recording. */
  seek(at) {
    const { events, isAnew } = this.replay.to(at);
    this.dispatchEvent(new CustomEvent("events", { detail: { events, isAnew } }));
    this.#range.value = String(this.replay.at);
    this.#time.textContent = moment(this.replay.start + this.replay.at);
    if (this.replay.isAtEnd) this.pause();
  }

  play() {
    if (this.replay.isAtEnd) this.seek(0);
    this.#play.textContent = "Pause";
    this.#timer = setInterval(() => this.seek(this.replay.at + STEP * this.#speed), STEP);
  }

  pause() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#play.textContent = "Play";
  }

  stop() {
    this.pause();
    this.replay = null;
    this.element.hidden = true;
    this.dispatchEvent(new Event("stop"));
  }

  #turn() {
    this.#speed = SPEEDS[(SPEEDS.indexOf(this.#speed) + 1) % SPEEDS.length];
    this.#faster.textContent = `${this.#speed}×`;
  }
}
