import { api } from "../api.js";
import { figure, newKey } from "../core/common.js";
import { hasAccounts, identity } from "../identity.js";
import { Latencies, OpenLoop } from "../core/load.js";
import { openStream } from "../live/stream.js";
import { h } from "./dom.js";
import { panel } from "./panel.js";
import { styles } from "./styles.js";

const RUN_FOR = 60_000;
const TICK = 50;
const PEOPLE = 12;
const RATE_MAX = 50;
const LINES = ["again!", "louder", "listen to the bass", "here it comes", "who is that on the left?", "encore", "wow"];

/** Over HTTP/1.1 a browser has six connections to a host, and the page needs some of them. */
function viewersMax() {
  const last = performance.getEntriesByType("resource").findLast(({ nextHopProtocol }) => nextHopProtocol);
  return last?.nextHopProtocol === "h2" ? 50 : 2;
}

/**
 * Makes viewers, comments and likes in this browser for a minute at most; all of it ends with the drawer. `feed` tells
 * which comments came.
 */
export async function openTraffic(videoid, photos, feed) {
  await styles("traffic");
  if (document.querySelector(".drawer")) return;
  const most = viewersMax();
  const viewers = slider("viewers", "Viewers", most, most);
  const comments = slider("comments-rate", "Comments a second", RATE_MAX, 20);
  const likes = slider("likes-rate", "Likes a second", RATE_MAX, 10);
  const button = h("button", { class: "action", type: "button", onclick: () => (run ? stop() : start()) }, "Start");
  const figures = h("dl", { class: "figures" });
  const note = (most < 50 ? "Two viewers at most over HTTP/1.1, 50 over TLS. " : "")
    + (hasAccounts ? "All in your name: what goes beyond its limits is refused." : "");
  let run = null;

  function start() {
    const now = performance.now();
    run = {
      comments: new OpenLoop(now), likes: new OpenLoop(now), latencies: new Latencies(), until: now + RUN_FOR,
      delivered: 0, closes: [],
    };
    button.textContent = "Stop";
    run.timer = setInterval(tick, TICK);
  }

  function stop() {
    if (!run) return;
    clearInterval(run.timer);
    for (const close of run.closes) close();
    show();
    run = null;
    button.textContent = "Start";
  }

  function tick() {
    const now = performance.now();
    if (now > run.until) return stop();
    watch(viewers.value);
    for (let count = run.comments.due(now, comments.value); count > 0; count -= 1) comment(run, now);
    for (let count = run.likes.due(now, likes.value); count > 0; count -= 1) like(run);
    return show();
  }

  function watch(count) {
    while (run.closes.length > count) run.closes.pop()();
    while (run.closes.length < count) {
      const { closes } = run;
      const mine = run;
      const query = new URLSearchParams({ userid: person(), videoid });
      closes.push(openStream(`/connect?${query}`, ({ events }) => { mine.delivered += events?.length ?? 0; }));
    }
  }

  async function comment(mine, now) {
    const key = newKey();
    mine.latencies.sent(key, now);
    const { status } = await api.comment(key, { userid: person(), videoid, comment: anyOf(LINES) });
    mine.comments.ended(status === 201 || status === 202);
  }

  async function like(mine) {
    const { status } = await api.like(person(), anyOf(photos), Math.random() < 0.7);
    mine.likes.ended(status === 200);
  }

  function show() {
    const { comments: said, likes: liked, latencies } = run;
    const milliseconds = (share) => {
      const value = latencies.percentile(share);
      return value === null ? "–" : `${figure(Math.round(value))} ms`;
    };
    figures.replaceChildren(...[
      ["comments", figure(said.acknowledged)],
      ["likes", figure(liked.acknowledged)],
      ["refused", figure(said.refused + liked.refused)],
      ["dropped here", figure(said.dropped + liked.dropped)],
      ["delivered", figure(run.delivered)],
      ["sent to seen, p50", milliseconds(0.5)],
      ["sent to seen, p99", milliseconds(0.99)],
      ["ends in", `${Math.max(0, Math.ceil((run.until - performance.now()) / 1000))} s`],
    ].map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", { class: "figure" }, value))));
  }

  const seen = ({ detail: { id } }) => run?.latencies.seen(id, performance.now());
  feed.addEventListener("comment", seen);
  const dialog = panel("Traffic", h("div", { class: "traffic" },
    h("div", { class: "sliders" }, viewers.element, comments.element, likes.element,
      h("p", { class: "quiet" }, note), button), figures), { isModal: false, name: "drawer" });
  dialog.addEventListener("close", () => {
    stop();
    feed.removeEventListener("comment", seen);
  });
}

function anyOf(list) {
  return list[Math.floor(Math.random() * list.length)];
}

/** One of a few; with a token nobody can be anybody else. */
function person() {
  if (hasAccounts) return identity.userid;
  return `sim-${1 + Math.floor(Math.random() * PEOPLE)}`;
}

function slider(id, label, max, value) {
  const output = h("output", { class: "figure", for: id }, String(value));
  const oninput = () => { output.textContent = input.value; };
  const input = h("input", { id, type: "range", min: 0, max, value, oninput });
  return {
    element: h("div", { class: "slider" }, h("label", { for: id }, label), output, input),
    get value() { return Number(input.value); },
  };
}
