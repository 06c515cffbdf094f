import { api } from "../api.js";
import { figure } from "../core/format.js";
import { photosOf, pictureOf } from "../core/ids.js";
import { announced, watched } from "../device.js";
import { identity } from "../identity.js";
import { live } from "../live/live.js";
import { commentActions } from "../ui/actions.js";
import { bar } from "../ui/bar.js";
import { composer } from "../ui/composer.js";
import { h, icon } from "../ui/dom.js";
import { Feed } from "../ui/feed.js";
import { Photos } from "../ui/photos.js";

/** Shorter interruptions are not worth a word. */
const UNSAID = 400;
const STATUS = {
  live: "live", connecting: "connecting", reconnecting: "reconnecting", offline: "offline", paused: "paused",
  failed: "refused",
};

/** Watching one video, whose history was asked for. */
export function watch(root, history, videoid) {
  document.title = `${videoid} · Chorus`;
  watched(videoid);

  const log = h("div", { class: "log", role: "log", "aria-live": "off", "aria-label": "Comments", tabindex: "0" });
  const feed = new Feed(log, videoid, history);
  feed.announcer.mode = announced();
  const photos = new Photos(photosOf(videoid), videoid);
  const status = h("span", { class: "status", role: "status" });
  const rate = h("span", { class: "rate figure" });
  const viewers = h("span", { class: "viewers figure" });
  const pause = h("button", { class: "round", type: "button", onclick: () => feed.pause(!feed.isPaused) });
  const news = h("button", { class: "news figure", type: "button", hidden: true, onclick: () => feed.toEnd() });
  const empty = h("div", { class: "empty", hidden: true }, h("p", { class: "title" }, "A rest"),
    h("p", { class: "quiet" }, "Nobody has said anything yet. The first note is yours."));
  const spoken = h("div", { class: "unseen", "aria-live": "polite" });
  const writing = composer((text) => feed.send(text), () => feed.canSend);
  const actions = commentActions(log, feed, { reply: writing.mention, picture: (userid) => photos.chooseOf(userid) });

  const onAnnounced = (mode) => { feed.announcer.mode = mode; };
  const onTraffic = async () => (await import("../ui/traffic.js")).openTraffic(videoid, photos.ids, feed);
  root.replaceChildren(
    h("a", { class: "skip", href: "#message" }, "To the comment field"),
    bar((openYou) => openYou({ onAnnounced, onTraffic }), status),
    h("main", { class: "watch" },
      photos.stage, photos.strip,
      h("section", { class: "comments", "aria-label": "Comments" },
        h("div", { class: "comments-bar" }, h("h2", { class: "label" }, "Comments"), viewers, rate, pause),
        h("div", { class: "log-frame" }, log, empty, news, actions),
        writing.form)),
    spoken);

  let said = 0;
  const say = (text) => {
    clearTimeout(said);
    const isQuick = status.dataset.status === "live" && text !== "live";
    said = setTimeout(() => {
      status.dataset.status = text;
      const isSuspended = text === "failed" && identity.reason === "account_suspended";
      status.textContent = isSuspended ? "suspended" : STATUS[text];
    }, isQuick ? UNSAID : 0);
  };
  const told = ({ status: now, events, position }) => {
    for (const event of events ?? []) {
      if (event.event === "likes") photos.learned(event.value);
      else if (event.event === "viewers") viewers.textContent = `${figure(event.value.viewers)} watching`;
      else feed.take(event);
    }
    if (now === undefined) return;
    say(now);
    if (now === "live") feed.connected(position);
    if (now === "offline" || now === "reconnecting") feed.beginOffline();
  };
  let stream = null;
  const follow = () => {
    stream?.stop();
    stream = live.follow({ userid: identity.userid, videoid }, photos.ids, told, stream?.position);
  };
  follow();
  photos.addEventListener("photos", () => stream.setPhotos(photos.ids));
  identity.addEventListener("change", () => {
    follow();
    feed.recognise();
    photos.refresh();
    own();
  });
  const own = () => {
    const picture = pictureOf(identity.userid);
    if (identity.isNamed && picture) api.own(identity.userid, picture);
  };
  own();

  feed.addEventListener("comment", ({ detail: { id, isOwn } }) => photos.light(id, isOwn ? "own" : "other"));
  feed.addEventListener("drawn", () => { empty.hidden = !feed.isEmpty; });
  feed.addEventListener("change", () => {
    news.hidden = feed.isFollowing || feed.unread === 0;
    news.replaceChildren(`${figure(feed.unread)} new`, icon("down"));
    pause.setAttribute("aria-pressed", String(feed.isPaused));
    pause.setAttribute("aria-label", feed.isPaused ? "Go on" : "Pause");
    pause.replaceChildren(icon(feed.isPaused ? "play" : "pause"));
  });
  feed.dispatchEvent(new Event("change"));
  setInterval(() => {
    const now = Date.now();
    const { shown, rate: all, isSampled } = feed.sampler.rate(now);
    const text = isSampled ? `${shown} of ${figure(all)}/s` : all ? `${all}/s` : "";
    if (rate.textContent !== text) rate.textContent = text;
    log.classList.toggle("busy", isSampled);
    const sentence = feed.announcer.say(now);
    if (sentence) spoken.textContent = sentence;
  }, 1_000);
}
