/** The only script that is started by its address; the CSP names the policy. */
const WORKER = "/dashboard/map-worker.js";
const policy = globalThis.trustedTypes?.createPolicy("chorus", {
  createScriptURL() { return WORKER; },
});

/**
 * The map's worker, and the map itself as it is now (`null`: it did not come). A script of its own, because a thread takes a
 * tenth of a second to start and the map another: the page's modules load meanwhile.
 */
export const worker = new Worker(policy?.createScriptURL("") ?? WORKER, { type: "module" });

export const firstMap = fetch("/statistics/map", { cache: "no-store" })
  .then((response) => (response.ok ? response.arrayBuffer() : null))
  .catch(() => null);
