/** The only script that is started by its address; the CSP names the policy. */
const WORKER = "/dashboard/map-worker.js";
const policy = globalThis.trustedTypes?.createPolicy("chorus", {
  createScriptURL() { return WORKER; },
});

/** The map's worker. A script of its own, because its thread takes a tenth of a second to start: the page's modules load meanwhile. */
export const worker = new Worker(policy?.createScriptURL("") ?? WORKER, { type: "module" });
