import { EventStreamParser } from "../core/sse.js";

/**
 * One event stream by `fetch`, which unlike EventSource shows heartbeats, statuses and Retry-After, and never returns to
 * a redirect's target. Returns what closes it; nothing is told after that.
 */
export function openStream(url, told) {
  const ended = new AbortController();
  read(url, ended.signal, told).then(
    () => ended.signal.aborted || told({ type: "ended" }),
    () => ended.signal.aborted || told({ type: "ended" }));
  return () => ended.abort();
}

async function read(url, signal, told) {
  const response = await fetch(url, { headers: { Accept: "text/event-stream" }, cache: "no-store", signal });
  if (response.status !== 200) {
    const seconds = Number(response.headers.get("Retry-After"));
    await response.body?.cancel();
    return told({ type: "refused", status: response.status, retryAfter: (seconds || 0) * 1000 });
  }
  const parser = new EventStreamParser();
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done || signal.aborted) return undefined;
    told({ type: "bytes", events: parser.push(decoder.decode(value, { stream: true })) });
  }
}
