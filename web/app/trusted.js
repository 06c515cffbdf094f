/** The only scripts that are started by their address; the policy's name stands in the gateway's CSP. */
const SCRIPTS = ["/app/live/worker.js", "/app/service-worker.js", "/dashboard/map-worker.js"];

const policy = globalThis.trustedTypes?.createPolicy("chorus", {
  createScriptURL(address) {
    if (SCRIPTS.includes(address)) return address;
    throw new TypeError(`not a script of the app: ${address}`);
  },
});

export function scriptURL(address) {
  return policy ? policy.createScriptURL(address) : address;
}
