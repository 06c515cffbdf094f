const MEMBERS = ["channel", "reader", "sort", "zoom", "a", "b", "at", "replay"];

/** What a permalink says: `#channel=video:x&sort=-connections&a=2026-…`. Unknown members are passed over. */
export function parseLink(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const link = {};
  for (const member of MEMBERS) {
    const value = given.get(member);
    if (value !== null && value !== "" && value.length <= 256) link[member] = value;
  }
  if (link.replay && !isOwnPath(link.replay)) delete link.replay;
  const zoom = /^(\d{1,9})-(\d{1,9})$/.exec(link.zoom ?? "");
  if (link.zoom && (!zoom || Number(zoom[2]) < 1)) delete link.zoom;
  return link;
}

export function formatLink(link) {
  const parts = MEMBERS.filter((member) => link[member] !== undefined && link[member] !== null && link[member] !== "")
    .map((member) => `${member}=${encodeURIComponent(link[member]).replace(/%3A/g, ":").replace(/%2F/g, "/")}`);
  return parts.length ? `#${parts.join("&")}` : "";
}

/** Recordings of this origin only. */
function isOwnPath(path) {
  return /^\/(?!\/)[A-Za-z0-9._/-]+$/.test(path) && !path.includes("..");
}

/** As people count: reader-2 before reader-10. */
export function byName(one, other) {
  const parts = (name) => name.split(/(\d{1,15})/).map((part, index) => (index % 2 ? Number(part) : part));
  const [left, right] = [parts(one), parts(other)];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    if (left[at] !== right[at]) return left[at] < right[at] ? -1 : 1;
  }
  return left.length - right.length;
}

/** Rows of the table, sorted: `name`, or `-name` for the largest first. Ties by id. */
export function sorted(rows, by) {
  const [member, sign] = by.startsWith("-") ? [by.slice(1), -1] : [by, 1];
  const order = (one, other) => {
    const [left, right] = [one[member] ?? -Infinity, other[member] ?? -Infinity];
    if (left === right || member === "id") return byName(one.id, other.id) * (member === "id" ? sign : 1);
    return (left < right ? -1 : 1) * sign;
  };
  return [...rows].sort(order);
}
