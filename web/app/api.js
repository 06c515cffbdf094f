const ANSWER_WITHIN = 10_000;

/**
 * One request to the services. Never throws: `{status, body, error, retryAfter}`, with status 0 when there was no answer.
 * `retryAfter` is in milliseconds, `error` the sentence of a refusal.
 */
export async function ask(method, path, body, headers = {}) {
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
    return { status: response.status, body: answer, error: answer.error, retryAfter: seconds * 1000 };
  } catch {
    return { status: 0, body: {}, error: undefined, retryAfter: 0 };
  }
}

export const api = {
  comment: (key, comment) => ask("POST", "/comment", comment, { "Idempotency-Key": key }),
  remove: (id, userid, videoid) => ask("DELETE", `/comment/${id}?${new URLSearchParams({ userid, videoid })}`),
  history: (videoid, before, limit = 50) =>
    ask("GET", `/history?${new URLSearchParams({ videoid, limit, ...(before && { before }) })}`),
  like: (userid, photoid, isLiked) => ask("POST", isLiked ? "/like" : "/unlike", { userid, photoid }),
  likes: (userid, photos) => ask("POST", "/v1/likes/counts", { post_ids: photos, user_id: userid }),
  own: (userid, photoid) => ask("POST", "/v1/photos", { post_id: photoid, owner_id: userid }),
  notifications: (userid) => ask("GET", `/v1/notifications?${new URLSearchParams({ user_id: userid, limit: 50 })}`),
  read: (userid) => ask("POST", "/v1/notifications/read", { user_id: userid }),
  statistics: () => ask("GET", "/statistics"),
};
