import { moment } from "/app/core/common.js";
import { h } from "/app/ui/dom.js";
import { byName, formatLink, parseLink } from "./core/link.js";
import { LastSteady, Series } from "./core/series.js";
import { advice, verdict } from "./core/verdict.js";
import { Feed } from "./feed.js";
import { MainFigures, MoreFigures } from "./ui/figures.js";
import { MapView } from "./ui/map.js";
import { Moments } from "./ui/moments.js";
import { CurveView, ResidualView } from "./ui/plots.js";
import { Player, Recorder } from "./ui/recording.js";
import { HotTable, ReaderTable, reportList } from "./ui/tables.js";

const STATUS = { live: "live", connecting: "connecting", reconnecting: "reconnecting", offline: "offline", paused: "paused", failed: "refused" };

const link = parseLink(location.hash);
const map = new MapView();
const curve = new CurveView();
const residual = new ResidualView();
const mainFigures = new MainFigures();
const moreFigures = new MoreFigures();
const readers = new ReaderTable();
const hot = new HotTable();
const moments = new Moments(map);
let series = new Series();
let steady = new LastSteady();
let state = null;
let point = null;
let session = null;

const status = h("span", { class: "status", role: "status" });
const said = h("span", { class: "quiet said", role: "status" });
const say = (text) => { said.textContent = text; };
const clock = h("span", { class: "figure quiet clock" });
const sentence = h("h1", { class: "title verdict" }, "Waiting for the first report");
const next = h("p", { class: "quiet advice" });
const recorder = new Recorder(say);
const player = new Player(say);
const channel = h("input", { class: "field", id: "channel", type: "search", autocomplete: "off", spellcheck: "false", placeholder: "video:…" });
const keep = (name) => h("button", { class: "action", type: "button", onclick: () => state && moments.keep(name, state, point) }, `Keep ${name.toUpperCase()}`);

document.getElementById("page").replaceChildren(
  h("a", { class: "skip", href: "#map" }, "To the map"),
  h("header", { class: "bar" },
    h("a", { class: "wordmark", href: "/dashboard/" }, "Chorus"), said, clock, status,
    keep("a"), keep("b"), recorder.button, player.button),
  h("main", { class: "dashboard" },
    player.element,
    h("div", { class: "says" }, sentence, next),
    mainFigures.element,
    h("div", { id: "map" }, map.element),
    h("form", { class: "find field-line", role: "search", onsubmit: (event) => { event.preventDefault(); find(channel.value.trim()); } },
      h("label", { for: "channel" }, "Find a channel"), channel, h("button", { class: "action" }, "Show")),
    moments.element,
    h("div", { class: "plots" }, curve.element, residual.element),
    h("div", { class: "tables" }, readers.element, hot.element),
    moreFigures.element,
    reportList()));
map.resize();

// --- What comes

/** The first stream has the first map, which was asked for before it began. */
let isFirst = !link.replay;
let firstHead = null;
let firstState = null;

map.addEventListener("loaded", ({ detail }) => {
  if (firstHead || player.replay) return;
  firstHead = detail;
  if (!state) setReaders(firstHead.rows.map(({ slot, reader }) => ({ slot, id: reader })));
  checkFirst();
});

/** What changed between that map and the first state was told to nobody. */
function checkFirst() {
  if (!firstHead || !firstState) return;
  if (firstHead.session !== firstState.session || firstHead.version < firstState.mapVersion) askMap();
}

function setReaders(readers) {
  map.setReaders([...readers].sort((one, other) => byName(one.id, other.id)));
}

/** The map is asked for whole when a stream begins; what changes meanwhile waits in the worker. */
function askMap() {
  map.post({ type: "ask" });
}

map.addEventListener("lost", () => { if (!player.replay) askMap(); });

function take(event, data, isLast = true) {
  if (event === "map") {
    if (data.head) map.post({ type: "recorded", ...data });
    else map.post({ type: "change", ...data });
    return;
  }
  if (session !== null && data.session !== session && !player.replay) askMap();
  session = data.session;
  state = data;
  const added = series.add(data);
  point = added.point;
  if (added.mark && !moments.kept.a) moments.keepLast("a");
  setReaders(data.readers);
  if (!firstState && !player.replay) {
    firstState = data;
    checkFirst();
  }
  if (steady.takes(data)) moments.remember(data, point);
  if (!isLast) return;
  const text = verdict(data);
  if (sentence.textContent !== text) sentence.textContent = text;
  const hint = advice(data);
  if (next.textContent !== hint) next.textContent = hint;
  clock.textContent = moment(data.time);
  const context = { state, point };
  mainFigures.draw(context);
  moreFigures.draw(context);
  curve.draw(data);
  residual.draw(series.points, series.marks);
  readers.draw(data);
  hot.draw(data);
}

const feed = new Feed(({ status: now, begin, event, data }) => {
  if (now !== undefined && status.dataset.status !== now) {
    status.dataset.status = now;
    status.textContent = player.replay ? "replay" : STATUS[now];
  }
  if (begin && !isFirst) askMap();
  if (begin) isFirst = false;
  if (event) take(event, data);
});

// --- Recordings

player.addEventListener("open", () => {
  feed.stop();
  begin();
  status.textContent = "replay";
});
player.addEventListener("stop", () => {
  begin();
  delete link.replay;
  share();
  feed.start();
});
player.addEventListener("events", ({ detail: { events, isAnew } }) => {
  if (isAnew) begin();
  const last = events.findLastIndex(({ event }) => event === "state");
  events.forEach(({ event, data }, index) => take(event, data, index === last));
});

function begin() {
  series = new Series();
  steady = new LastSteady();
  moments.forget();
  [state, point, session] = [null, null, null];
  map.post({ type: "reset" });
}

// --- Permalinks

function share() {
  const hash = formatLink({
    ...link, sort: readers.sort === "id" ? "" : readers.sort, reader: readers.open ?? "", zoom: map.place,
    a: moments.kept.a ?? "", b: moments.kept.b ?? "",
  });
  history.replaceState(null, "", `${location.pathname}${hash}`);
}

async function find(name) {
  if (!name) return;
  const full = name.includes(":") ? name : `video:${name}`;
  const response = await fetch(`/statistics/channels?name=${encodeURIComponent(full)}`).catch(() => null);
  const [known] = response?.ok ? (await response.json()).channels : [];
  if (known && await map.show(known.column)) {
    link.channel = full;
    say("");
    share();
  } else {
    say(`${full} has no subscription`);
  }
}

map.addEventListener("channel", ({ detail }) => {
  link.channel = detail?.name;
  share();
});
map.addEventListener("view", share);
moments.addEventListener("change", share);
readers.addEventListener("change", share);
hot.addEventListener("choose", ({ detail: { name, column } }) => {
  channel.value = name;
  map.show(column);
});

/** For tests. */
globalThis.dashboard = { map, readers, get state() { return state; }, series: () => series, take };

readers.sort = link.sort ?? "id";
readers.open = link.reader ?? null;
if (link.replay) {
  await player.fetch(link.replay);
  for (const name of ["a", "b"]) {
    const at = Date.parse(link[name] ?? "");
    if (!player.replay || Number.isNaN(at)) continue;
    player.seek(at - player.replay.start);
    moments.keep(name, state, point);
  }
  const at = Date.parse(link.at ?? "");
  if (player.replay && !Number.isNaN(at)) player.seek(at - player.replay.start);
} else {
  feed.start();
}
const { channel: sought, zoom } = link;
await map.painted;
if (sought) {
  await find(sought);
} else if (zoom) {
  const [from, count] = zoom.split("-").map(Number);
  map.view(from, count);
}
