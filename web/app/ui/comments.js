import { api } from "../api.js";
import { Announcer, Sampler } from "../core/legible.js";
import { mentions, newKey, position } from "../core/common.js";
import { Outgoing } from "../core/optimistic.js";
import { FOLLOWED_MAX, Timeline } from "../core/timeline.js";
import { keep, kept } from "../device.js";
import { identity } from "../identity.js";
import { Follow, Rows } from "./log.js";

const HIDDEN_FRAME = 500;
const RETRY = 2_000;
/** A gap of so many is loaded without being asked. */
const SMALL_GAP = 50;
const LOAD_WITHIN = 1_500;
const OUTGOING_MAX = 20;

/**
 * The comments of one video or post, `channel` of api.js: what the stream says, what the person sends, and the rows of both. Tells `change` when the
 * number of new ones, following or the pause changed, and `comment` with each that came.
 */
export class Comments extends EventTarget {
  unread = 0;
  isPaused = false;
  announcer = new Announcer();
  sampler = new Sampler();
  #channel;
  #timeline = new Timeline();
  #follow;
  #rows;
  #outgoing = new Map();
  #frame = null;
  #isBegun = false;
  #isJoined = false;
  #joined = null;
  #newest = null;
  #isAgain = false;
  #timer = 0;

  /** `history` is the answer to come of its first page. */
  constructor(log, channel, history = channel.history()) {
    super();
    this.#channel = channel;
    const { name } = channel;
    this.#rows = new Rows(log);
    this.#follow = new Follow(log, (isFollowing) => {
      if (isFollowing) this.#caughtUp();
      this.#changed();
    });
    this.#begin(history);
    addEventListener("pagehide", () => keep(name, this.#timeline.keepable()));
    document.addEventListener("visibilitychange", () => document.hidden && keep(name, this.#timeline.keepable()));
  }

  get isFollowing() {
    return this.#follow.isFollowing && !this.isPaused;
  }

  get isEmpty() {
    return this.#isBegun && this.#timeline.rows.length === 0;
  }

  row(id) {
    return this.#timeline.rows.find((row) => row.id === id) ?? null;
  }

  element(id) {
    return this.#rows.element(id);
  }

  /** An event of the stream. */
  take({ event, value, id }, now = Date.now()) {
    if (event === "message") this.#comment(value, id, now);
    else if (event === "removal") this.#remove(value.id);
    else if (event === "edit") this.#edited(value);
    else if (event === "gap") this.#gap(value);
  }

  /** The stream is live, from the position `at` on. */
  connected(at, now = Date.now()) {
    if (this.#isJoined) this.sampler.connected(now);
    else {
      this.#isJoined = true;
      this.#joined = position(at);
      if (this.#isBegun && this.#isBehind) this.#gap(this.#behind);
    }
  }

  /** Whether the history was read before the last comments that the stream leaves out. */
  get #isBehind() {
    const newest = this.#newest;
    return this.#joined !== null && !(newest?.epoch === this.#joined.epoch && newest.offset >= this.#joined.offset);
  }

  /** What lies between, as `event: gap` has it. */
  get #behind() {
    const isSameLog = this.#newest?.epoch === this.#joined.epoch;
    return isSameLog ? { from: this.#newest.offset + 1, to: this.#joined.offset } : {};
  }

  /** There is no network at the start: what this device kept. */
  beginOffline() {
    const old = this.#isBegun || this.#timeline.rows.length ? null : kept(this.#channel.name);
    if (!old) return;
    this.#timeline.beginOld(old.rows, old.time);
    this.#draw();
  }

  /** `parent` is the comment that it answers, if any. */
  send(text, parent, now = Date.now()) {
    const outgoing = new Outgoing(newKey(), text, now);
    if (this.#channel.hasAnswers) outgoing.parent = parent;
    this.#outgoing.set(outgoing.key, outgoing);
    this.#timeline.release();
    this.#timeline.add({
      kind: "comment", id: outgoing.key, userid: identity.userid, text, time: new Date(now).toISOString(),
      isOwn: true, isMention: false, phase: outgoing.phase,
      answers: this.#nameOf(outgoing.parent), parent: outgoing.parent,
    });
    this.isPaused = false;
    this.#drawNow();
    this.toEnd();
    this.#post(outgoing);
  }

  get canSend() {
    return [...this.#outgoing.values()].filter((one) => one.phase !== "failed").length < OUTGOING_MAX;
  }

  again(id) {
    const outgoing = this.#outgoing.get(id);
    if (outgoing?.again(Date.now())) this.#post(outgoing);
    this.#show(outgoing);
  }

  discard(id) {
    this.#outgoing.delete(id);
    this.#timeline.discard(id);
    this.#draw();
  }

  /** The person is another one now: which rows are theirs. */
  recognise() {
    for (const { kind, id, userid } of this.#timeline.rows) {
      if (kind === "comment") this.#timeline.change(id, { isOwn: userid === identity.userid });
    }
    this.#draw();
  }

  /** Takes one's own comment back; the sentence of a refusal, or null. */
  async remove(id) {
    const answer = await this.#channel.remove(id);
    if (answer.status !== 200 && answer.status !== 202) return answer.error ?? "Nobody answers";
    this.#remove(id);
    return null;
  }

  /** Changes one's own comment; the sentence of a refusal, or null. */
  async edit(id, text) {
    const { status, body, code, error } = await api.edit(id, text, this.row(id)?.revision ?? 1);
    if (code === "stale_revision") return "It was changed meanwhile: press it again";
    if (status !== 200 && status !== 202) return error ?? "Nobody answers";
    if (body.comment) this.#edited(body.comment);
    return null;
  }

  async load(gapId) {
    const answer = await this.#channel.history(this.#timeline.below(gapId));
    if (answer.status !== 200) return answer.error ?? "Nobody answers";
    this.#timeline.fill(gapId, answer.body.comments.map((comment) => this.#row(comment)), answer.body.next !== null);
    this.#drawNow();
    return null;
  }

  pause(isPaused) {
    this.isPaused = isPaused;
    if (!isPaused) this.toEnd();
    this.#changed();
  }

  toEnd() {
    this.isPaused = false;
    this.#caughtUp();
    this.#drawNow();
    this.#follow.toEnd();
    this.#changed();
  }

  /** The history is asked for beside the stream, which is faster, and again when it turns out to be too old. */
  async #begin(history) {
    const answer = await history;
    const isAnswered = answer.status === 200;
    this.#newest = answer.body.comments?.[0] ?? null;
    if (!isAnswered || (this.#isBehind && !this.#isAgain)) {
      this.#isAgain = isAnswered;
      setTimeout(() => this.#begin(this.#channel.history()), isAnswered ? 0 : RETRY * (1 + Math.random()));
      return;
    }
    this.#isBegun = true;
    this.#timeline.begin(answer.body.comments.map((comment) => this.#row(comment)), answer.body.next === null);
    this.#drawNow();
  }

  #row({ id, userid, comment, timestamp, offset, epoch, revision, parent, removed }) {
    if (removed) return { kind: "removed", id, offset, epoch };
    const isOwn = userid === identity.userid;
    return {
      kind: "comment", id, userid, text: comment, time: timestamp, offset, epoch, isOwn, revision, parent, answers: this.#nameOf(parent),
      isMention: !isOwn && mentions(comment, identity.userid),
    };
  }

  #comment(value, id, now) {
    const [offset, epoch] = id.split(".");
    const row = this.#row({ ...value, offset: Number(offset), epoch });
    const outgoing = this.#outgoing.get(row.id);
    outgoing?.seen();
    this.#outgoing.delete(row.id);
    const isShown = this.sampler.take(now, row.isOwn || row.isMention) || outgoing !== undefined;
    if (!row.isOwn) this.announcer.heard({ userid: row.userid, text: row.text, isMention: row.isMention });
    this.dispatchEvent(new CustomEvent("comment", { detail: row }));
    if (!isShown) return;
    const isNew = !this.#timeline.has(row.id);
    const first = this.#follow.isFollowing ? Infinity : this.#follow.visible().first;
    this.#timeline.add(row, !this.isPaused && this.#timeline.canGrow(first));
    if (isNew && !this.isFollowing) {
      this.unread += 1;
      this.#changed();
    }
    this.#draw();
  }

  #edited(value) {
    const { userid, text, revision, isMention } = this.#row(value);
    this.#timeline.edit(value.id, { userid, text, revision, isMention });
    this.#draw();
  }

  /** Whose comment it is, while it is here. */
  #nameOf(id) {
    return id && (this.row(id)?.userid ?? "an earlier one");
  }

  #remove(id) {
    this.#timeline.remove(id);
    keep(this.#channel.name, this.#timeline.keepable());
    this.#draw();
  }

  #gap({ from, to }) {
    const count = from !== undefined && to !== undefined ? to - from + 1 : null;
    this.#timeline.miss(count);
    this.#draw();
    const gap = this.#timeline.rows.at(-1);
    // Everybody may have the same gap at the same moment.
    if (gap?.kind !== "gap" || (count ?? 0) > SMALL_GAP) return;
    setTimeout(() => this.load(gap.id), Math.random() * LOAD_WITHIN);
  }

  async #post(outgoing) {
    this.#show(outgoing);
    const answer = await this.#channel.send(outgoing.key, outgoing.text, outgoing.parent);
    outgoing.answered(answer, Date.now());
    if (outgoing.phase === "sent") {
      this.#outgoing.delete(outgoing.key);
      const { offset, epoch } = answer.body.comment;
      this.#timeline.change(outgoing.key, { phase: "sent", offset, epoch });
      this.#draw();
    } else this.#show(outgoing);
    this.#arm();
  }

  #show(outgoing) {
    if (!outgoing) return;
    this.#timeline.change(outgoing.key, { phase: outgoing.phase, reason: outgoing.reason });
    this.#draw();
  }

  #arm() {
    clearTimeout(this.#timer);
    const due = [...this.#outgoing.values()].map((one) => one.deadline).filter((deadline) => deadline !== null);
    if (!due.length) return;
    this.#timer = setTimeout(() => {
      for (const one of this.#outgoing.values()) if (one.timer(Date.now())) this.#post(one);
      this.#arm();
    }, Math.max(0, Math.min(...due) - Date.now()) + 1);
  }

  #caughtUp() {
    if (this.isPaused) return;
    this.unread = 0;
    this.#timeline.release();
    this.#draw();
  }

  /** Once a frame, or twice a second while nobody looks. */
  #draw() {
    if (this.#frame) return;
    const draw = () => this.#drawNow();
    this.#frame = document.hidden
      ? { cancel: clearTimeout, id: setTimeout(draw, HIDDEN_FRAME) }
      : { cancel: cancelAnimationFrame, id: requestAnimationFrame(draw) };
  }

  #drawNow() {
    this.#frame?.cancel.call(window, this.#frame.id);
    this.#frame = null;
    this.#follow.keep(() => {
      const { length } = this.#timeline.rows;
      if (this.isFollowing) this.#timeline.trim(length - 1, length, FOLLOWED_MAX);
      else {
        const { first, last } = this.#visibleRows();
        this.#timeline.trim(Math.min(first, length - 1), last);
      }
      this.#rows.render(this.#timeline.rows);
    });
    this.dispatchEvent(new Event("drawn"));
  }

  /** What is seen, as indices of the rows that will be drawn. */
  #visibleRows() {
    const { first, last } = this.#follow.visible();
    const at = (index) => this.#timeline.rows.findIndex((row) => row.id === this.#rows.idAt(index));
    const seen = { first: at(first), last: at(last) };
    return { first: Math.max(0, seen.first), last: seen.last < 0 ? this.#timeline.rows.length : seen.last };
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
