import { files, version } from "./shell.js";

/**
 * Keeps the app's files of one version, and nothing else. Everything that is not such a file goes to the network as if
 * there were no service worker: streams above all.
 */
const CACHE = `chorus-${version}`;
const PAGES = /^\/((feed|search|moderation|settings)?$|(watch|posts|people)\/)/;
const INDEX = "/app/index.html";

self.addEventListener("install", (event) => {
  // no-cache: what is kept is what the gateway has now, and not what the browser had.
  const requests = files.map((file) => new Request(file, { cache: "no-cache" }));
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  const isOld = (name) => name.startsWith("chorus-") && name !== CACHE;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(isOld).map((name) => caches.delete(name)))));
});

self.addEventListener("message", ({ data }) => data === "activate" && self.skipWaiting());

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  const isPage = event.request.mode === "navigate" && PAGES.test(pathname);
  if (isPage) event.respondWith(file(INDEX, event.request));
  else if (files.includes(pathname)) event.respondWith(file(pathname, event.request));
});

async function file(name, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(name)) ?? fetch(request);
}
