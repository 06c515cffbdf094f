import { api, video } from "../api.js";
import { photosOf, pictureOf } from "../core/common.js";
import { watched } from "../device.js";
import { identity } from "../identity.js";
import { bar } from "../ui/bar.js";
import { discussion } from "../ui/discussion.js";
import { h } from "../ui/dom.js";
import { Photos } from "../ui/photos.js";

const SILENCE = ["A rest", "Nobody has said anything yet. The first note is yours."];

/** Watching one video, whose history was asked for. */
export function watch(root, history, videoid) {
  document.title = `${videoid} · Chorus`;
  watched(videoid);

  const photos = new Photos(photosOf(videoid), videoid);
  const { comments, section, status, spoken, skip, setPhotos, onAnnounced } = discussion(video(videoid), history, {
    silence: SILENCE,
    extra: ({ userid }) => [["Picture", () => photos.chooseOf(userid)]],
    photos: () => photos.ids,
    told: (likes) => photos.learned(likes),
  });
  const onTraffic = async () => (await import("../ui/traffic.js")).openTraffic(videoid, photos.ids, comments);
  root.replaceChildren(skip,
    bar((openYou) => openYou({ onAnnounced, onTraffic }), status),
    h("main", { class: "watch" }, photos.stage, photos.strip, section),
    spoken);

  const own = () => {
    const picture = pictureOf(identity.userid);
    if (identity.isNamed && picture) api.own(identity.userid, picture);
  };
  own();
  photos.addEventListener("photos", () => setPhotos(photos.ids));
  identity.addEventListener("change", () => {
    photos.refresh();
    own();
  });
  comments.addEventListener("comment", ({ detail: { id, isOwn } }) => photos.light(id, isOwn ? "own" : "other"));
}
