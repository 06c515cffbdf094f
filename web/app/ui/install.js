import { scriptURL } from "../live/live.js";
import { h } from "./dom.js";

/** The service worker: an offline shell, and a new version when the person says so. */
async function register() {
  const script = scriptURL("/app/service-worker.js");
  const registration = await navigator.serviceWorker.register(script, { type: "module", scope: "/" });
  const offer = () => registration.waiting && navigator.serviceWorker.controller && ask(registration.waiting);
  offer();
  registration.addEventListener("updatefound", () => registration.installing.addEventListener("statechange", offer));
  document.addEventListener("visibilitychange", () => document.hidden || registration.update().catch(() => {}));
}

function ask(worker) {
  if (document.querySelector(".version")) return;
  const take = () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    worker.postMessage("activate");
  };
  document.body.append(h("div", { class: "version", role: "status" }, "A new version is here.",
    h("button", { class: "action", type: "button", onclick: take }, "Take it"),
    h("button", { class: "action", type: "button", onclick: ({ target }) => target.parentElement.remove() }, "Later")));
}

if ("serviceWorker" in navigator) register().catch(() => {});
