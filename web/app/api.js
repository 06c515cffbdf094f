import { identity } from "./identity.js";

const ANSWER_WITHIN = 10_000;

/**
 * One request to the services. Never throws: `{status, body, code, error, retryAfter}`. Status 0 means that there was no
 * answer, `retryAfter` is in milliseconds, `error` is the sentence of a refusal.
 */
async function once(method, path, body, headers = {}) {
  try {
    const response = await fetch(path, {
      method,
      headers: body ? { "Content-Type": "application/json", ...headers } : headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    });
    const answer = await response.json().catch(() => ({}));
    const seconds = Number(response.headers.get("Retry-After")) || 0;
    return {
      status: response.status, body: answer, code: answer.code, error: answer.error, retryAfter: seconds * 1000,
    };
  } catch {
    return { status: 0, body: {}, error: undefined, retryAfter: 0 };
  }
}

/** The same, and once more when the token had ended and there is a new one. */
export async function ask(...request) {
  const sent = Date.now();
  const answer = await once(...request);
  return answer.status === 401 && (await identity.renewed(sent)) ? once(...request) : answer;
}

export const USERS = "/api/users/";

export const LIMIT = 50;

/** An address with what is asked for; what is missing is left out. */
export function at(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

/** The comments of a video: its name on this device, what a stream is asked for, and the requests. */
export function video(videoid) {
  return {
    name: videoid,
    query: { videoid },
    history: (before) => ask("GET", at("/history", { videoid, limit: LIMIT, before })),
    send: (key, comment) => api.comment(key, { userid: identity.userid, videoid, comment }),
    remove: (id) => ask("DELETE", at(`/comment/${id}`, { userid: identity.userid, videoid })),
  };
}

export const api = {
  comment: (key, comment) => ask("POST", "/comment", comment, { "Idempotency-Key": key }),
  edit: (id, content, revision) => ask("PATCH", `/api/comments/${id}`, { content, revision }),
  like: (userid, photoid, isLiked) => ask("POST", isLiked ? "/like" : "/unlike", { userid, photoid }),
  likes: (userid, photos) => ask("POST", "/v1/likes/counts", { post_ids: photos, user_id: userid }),
  own: (userid, photoid) => ask("POST", "/v1/photos", { post_id: photoid, owner_id: userid }),
  notifications: (userid) => ask("GET", `/v1/notifications?${new URLSearchParams({ user_id: userid, limit: 50 })}`),
  read: (userid) => ask("POST", "/v1/notifications/read", { user_id: userid }),
  statistics: () => ask("GET", "/statistics"),
  /** `what` is register, login, logout or token. */
  session: (what, fields) => once("POST", USERS + what, fields),
  account: () => ask("GET", `${USERS}me`),
  change: (fields) => ask("PATCH", `${USERS}me`, fields),
};
