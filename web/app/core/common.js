/** The rules of docs/PROTOCOL.md, "Names". */
const ID = /^[A-Za-z0-9._:-]{1,128}$/;
export const COMMENT_MAX = 2_000;

export function isId(text) {
  return ID.test(text);
}

/** `17.k3f9` as `{offset, epoch}`; null when it is none, or the position before everything. */
export function position(text) {
  const match = /^([0-9]{1,15})\.([A-Za-z0-9]{1,32})$/.exec(text ?? "");
  return match && Number(match[1]) > 0 ? { offset: Number(match[1]), epoch: match[2] } : null;
}

/** A comment as the service takes it: no control characters but line feed and tab; "" when there is nothing to say. */
export function cleaned(text) {
  return text.replace(/\r\n?/g, "\n").replace(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, "").trim();
}

/** A key of 24 letters and digits for Idempotency-Key. */
export function newKey(bytes = crypto.getRandomValues(new Uint8Array(24))) {
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join("");
}

/** Photos of a video, until videos have photos of their own; and the picture that stands for a person. */
export function photosOf(videoid) {
  return [1, 2, 3, 4, 5].map((number) => `${videoid}.${number}`).filter(isId);
}

export function pictureOf(userid) {
  return [`of:${userid}`].find(isId) ?? null;
}

/** A number of 32 bits that is the same for the same text (FNV-1a). */
export function hash(text) {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}

/** Whether a comment speaks to a person: `@name`, as a word. */
export function mentions(text, userid) {
  const at = text.toLowerCase().indexOf(`@${userid.toLowerCase()}`);
  if (at < 0) return false;
  const after = text[at + 1 + userid.length];
  return after === undefined || !/[A-Za-z0-9_-]/.test(after);
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

// By hand: the first use of Intl costs 30 ms on a fast machine, before anything is painted.

/** 1,204; from 100,000 on 123.4k and 1.2m. Lower case, as the figures' font has it. */
export function figure(count) {
  if (count < 100_000) return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
  const [size, unit] = count < 999_950 ? [1_000, "k"] : [1_000_000, "m"];
  return `${(count / size).toFixed(1).replace(/\.0$/, "")}${unit}`;
}

/** 14:03:59 today, else 7 jan 14:03; "" for what is no time. */
export function moment(timestamp, now = new Date()) {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return "";
  const clock = date.toTimeString();
  if (date.toDateString() === now.toDateString()) return clock.slice(0, 8);
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${clock.slice(0, 5)}`;
}

/** Milliseconds before attempt 1, 2, 3 …: 250 to 15,000, doubling, each between half and the whole of it. */
export function backoff(attempt, random) {
  return Math.min(15_000, 250 * 2 ** Math.min(attempt - 1, 10)) * (0.5 + random() / 2);
}
