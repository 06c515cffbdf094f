const KEPT = "chorus.kept";
const RECENT = "chorus.recent";
const RECENT_MAX = 8;
const ANNOUNCED = "chorus.announced";

/** What this device keeps between two visits; a store that is full or forbidden costs that only. */
function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // As if it had never been here.
  }
}

/** The last rows of the last video, for a start without network: `{videoid, time, rows}`, or null. */
export function kept(videoid) {
  const stored = read(KEPT);
  return stored?.videoid === videoid && Array.isArray(stored.rows) && stored.rows.length ? stored : null;
}

export function keep(videoid, rows) {
  if (rows.length || kept(videoid)) write(KEPT, { videoid, time: new Date().toISOString(), rows });
}

/** The videos that were watched here, newest first. */
export function recent() {
  const ids = read(RECENT);
  return Array.isArray(ids) ? ids.filter((id) => typeof id === "string").slice(0, RECENT_MAX) : [];
}

export function watched(videoid) {
  write(RECENT, [videoid, ...recent().filter((id) => id !== videoid)].slice(0, RECENT_MAX));
}

/** What a screen reader is told: `all`, `summary` or `off`. */
export function announced() {
  const mode = read(ANNOUNCED);
  return ["all", "summary", "off"].includes(mode) ? mode : "summary";
}

export function announce(mode) {
  write(ANNOUNCED, mode);
}
