/** The only script that is started by its address; the CSP names the policy. */
const WORKER = "/dashboard/map-worker.js";
const policy = globalThis.trustedTypes?.createPolicy("chorus", {
  createScriptURL() { return WORKER; },
});

/** The thread that draws the map, and asks for it: begun while the page's modules load. */
export const worker = new Worker(policy?.createScriptURL("") ?? WORKER, { type: "module" });
worker.postMessage({ type: "ask" });
