/** Milliseconds to wait before attempt 1, 2, 3 …: doubling from 250 to 15,000, each between half and the whole of it. */
export function backoff(attempt, random) {
  return Math.min(15_000, 250 * 2 ** Math.min(attempt - 1, 10)) * (0.5 + random() / 2);
}
