export const ROWS_MAX = 300;
/** While the reader is at the end: the browser looks at each row for each frame. */
export const FOLLOWED_MAX = 200;
/** So many go together, because those that go move all others. */
const AT_ONCE = 50;
const REMOVED_MAX = 1_000;
const NEWEST_MAX = 50;

/**
 * The rows of a video, oldest first, at most 300. A row is an object that is replaced when it changes:
 *
 * - `{kind: "comment", id, userid, text, time, offset, epoch, isOwn, isMention, phase, revision, answers}`; an outgoing one has a
 *   `phase`, a changed one a `revision`, an answer the name of whom it answers
 * - `{kind: "removed", id}`: a comment that was there
 * - `{kind: "gap", id, after, count}`: comments that are not here, newer than the position `after` (null: back to the
 *   beginning); `count` is null when nobody knows. A gap is loaded from its newer end.
 * - `{kind: "old", id, time}`: what stands above was kept on this device at that time
 */
export class Timeline {
  rows = [];
  #removed = new Set();
  /** By id: what a comment says since its highest revision. */
  #edits = new Map();
  #gaps = 0;
  /** The newest that had no place while the reader held the page. */
  #newest = [];

  get newest() {
    return this.#newest.length;
  }

  has(id) {
    return this.rows.some((row) => row.id === id) || this.#newest.some((row) => row.id === id);
  }

  /** The first page of the history, newest first. Outgoing rows and what came meanwhile stay below. */
  begin(comments, isComplete) {
    this.rows = this.rows.filter((row) => row.kind !== "old" && !row.isKept);
    const older = this.#unknown(comments).reverse();
    this.rows = [...(isComplete ? [] : [this.#gap(null, null)]), ...older, ...this.rows];
  }

  /** Rows that this device kept, while the network is away. */
  beginOld(comments, time) {
    const rows = comments.map((row) => ({ ...row, isKept: true }));
    this.rows = [...rows, { kind: "old", id: "old", time }, ...this.rows];
  }

  /** A comment of the stream, or one's own on its way. Unless it `canGrow`, the comment waits for `release`. */
  add(comment, canGrow = true) {
    if (this.#removed.has(comment.id)) return;
    comment = this.#latest(comment);
    const index = this.rows.findIndex((row) => row.id === comment.id);
    if (index >= 0) {
      if (this.rows[index].kind === "comment") this.rows[index] = comment;
      return;
    }
    if (canGrow && this.#newest.length === 0) this.rows.push(comment);
    else this.#newest = [...this.#newest.filter((row) => row.id !== comment.id), comment];
    if (this.#newest.length > NEWEST_MAX) this.#skip();
  }

  change(id, changes) {
    const index = this.rows.findIndex((row) => row.id === id);
    if (index >= 0) this.rows[index] = { ...this.rows[index], ...changes };
  }

  /** A comment was changed: `{text, revision, …}`. It may not be here yet. */
  edit(id, changes) {
    if ((this.#edits.get(id)?.revision ?? 1) >= changes.revision) return;
    this.#edits.set(id, changes);
    if (this.#edits.size > REMOVED_MAX) this.#edits.delete(this.#edits.keys().next().value);
    this.rows = this.rows.map((row) => this.#latest(row));
    this.#newest = this.#newest.map((row) => this.#latest(row));
  }

  /** Takes a row away without a trace: one's own that was never sent. */
  discard(id) {
    this.rows = this.rows.filter((row) => row.id !== id);
  }

  remove(id) {
    this.#removed.add(id);
    if (this.#removed.size > REMOVED_MAX) this.#removed.delete(this.#removed.values().next().value);
    this.#newest = this.#newest.filter((row) => row.id !== id);
    const index = this.rows.findIndex((row) => row.id === id);
    if (index >= 0) this.rows[index] = { kind: "removed", id };
  }

  /** Comments are missing between what is here and what comes. */
  miss(count) {
    // What waits is older than what is missing: it becomes part of it.
    const waiting = this.#newest.length;
    this.#newest = [];
    this.#widen(sum(count, waiting));
  }

  /** Everything that waits goes to the end. */
  release() {
    this.rows.push(...this.#newest);
    this.#newest = [];
  }

  /** `before` of the request that loads a gap: the id of the next comment below, or null for the newest. */
  below(gapId) {
    const index = this.rows.findIndex((row) => row.id === gapId);
    return this.rows.slice(index + 1).find((row) => row.kind === "comment" && row.offset !== undefined)?.id ?? null;
  }

  /** A page for a gap, newest first. Returns how many were new. */
  fill(gapId, comments, hasMore) {
    const index = this.rows.findIndex((row) => row.id === gapId);
    if (index < 0) return 0;
    const gap = this.rows[index];
    const isOver = (comment) => gap.after !== null && (this.has(comment.id) ||
      (comment.epoch === gap.after.epoch && comment.offset <= gap.after.offset));
    const end = comments.findIndex(isOver);
    const missing = this.#unknown(end < 0 ? comments : comments.slice(0, end));
    const isDone = end >= 0 || !hasMore;
    // Fewer may have been counted than there are: what was sampled away was not.
    const left = gap.count !== null && gap.count > missing.length ? gap.count - missing.length : null;
    this.rows.splice(index, 1, ...(isDone ? [] : [{ ...gap, count: left }]), ...missing.reverse());
    return missing.length;
  }

  /** Whether a new row has a place when the rows before `first` may go. */
  canGrow(first) {
    return this.rows.length < ROWS_MAX || first > 1;
  }

  /** Of more than `most` rows takes some away: those above `first`, then as few as must be of those below `last`. */
  trim(first, last, most = ROWS_MAX) {
    if (this.rows.length <= most) return;
    const above = Math.min(this.rows.length - most + AT_ONCE + 1, Math.max(0, first));
    const head = this.rows[0].kind === "gap" && this.rows[0].after === null ? this.rows[0] : this.#gap(null, null);
    if (above > 1) this.rows.splice(0, above, head);
    const below = Math.min(this.rows.length - most, this.rows.length - 1 - last);
    if (below <= 0) return;
    const gone = this.rows.splice(this.rows.length - below - 1);
    this.#widen(gone.reduce((count, row) => sum(count, row.kind === "gap" ? row.count : 1), 0));
  }

  /** The last 50 that are worth keeping. */
  keepable() {
    return this.rows.filter((row) => row.kind === "comment" && row.offset !== undefined).slice(-50);
  }

  #latest(row) {
    const changes = row.kind === "comment" && this.#edits.get(row.id);
    return changes && changes.revision > (row.revision ?? 1) ? { ...row, ...changes } : row;
  }

  #lastPosition() {
    return this.rows.findLast((row) => row.offset !== undefined) ?? null;
  }

  #gap(after, count) {
    this.#gaps += 1;
    const position = after && { offset: after.offset, epoch: after.epoch };
    return { kind: "gap", id: `gap-${this.#gaps}`, after: position, count };
  }

  #unknown(comments) {
    return comments.filter((comment) => !this.#removed.has(comment.id) && !this.has(comment.id))
      .map((comment) => this.#latest(comment));
  }

  #skip() {
    this.#newest.shift();
    this.#widen(1);
  }

  /** The gap at the end, or a new one, has so many more. */
  #widen(count) {
    const last = this.rows.at(-1);
    if (last?.kind === "gap") this.rows[this.rows.length - 1] = { ...last, count: sum(last.count, count) };
    else if (last) this.rows.push(this.#gap(this.#lastPosition(), count));
  }
}

function sum(one, other) {
  return one === null || other === null ? null : one + other;
}
