const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** 1,204; from 100,000 on 123.4k. Lower case, as the figures' font has it. */
export function figure(count) {
  return (count < 100_000 ? whole.format(count) : short.format(count)).toLowerCase();
}

/** The time of today, else the day with it; lower case. */
export function moment(timestamp, now = new Date()) {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return "";
  return (date.toDateString() === now.toDateString() ? clock : day).format(date).toLowerCase();
}
