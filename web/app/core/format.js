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
