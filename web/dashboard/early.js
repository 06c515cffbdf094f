/** The only script that is started by its address; the CSP names the policy. */
const WORKER = "/dashboard/map-worker.js";
const policy = globalThis.trustedTypes?.createPolicy("chorus", {
  createScriptURL() { return WORKER; },
});

// What takes a tenth of a second each, begun while the page's modules load.

/** The thread that draws the map. */
export const worker = new Worker(policy?.createScriptURL("") ?? WORKER, { type: "module" });

/** The map as it is now; `null`: it did not come. */
export const firstMap = fetch("/statistics/map", { cache: "no-store" })
  .then((response) => (response.ok ? response.arrayBuffer() : null))
  .catch(() => null);
