import { ask, at, LIMIT, USERS } from "./api.js";

/** The comments of a post, as `video` of api.js. */
export function postComments(postid) {
  const path = `/api/posts/${postid}/comments`;
  return {
    name: `post:${postid}`,
    hasAnswers: true,
    query: { postid },
    history: (before) => ask("GET", at(path, { limit: LIMIT, before })),
    send: (key, content, parent) => ask("POST", path, { content, ...(parent && { parent }) }, { "Idempotency-Key": key }),
    remove: (id) => ask("DELETE", `/api/comments/${id}`),
  };
}

/** Requests to the platform: posts, people, search, moderation. Answers as in api.js. */
export const social = {
  person: (id) => ask("GET", USERS + id),
  /** `what` is follow or block. */
  relate: (id, what, isOn) => ask(isOn ? "PUT" : "DELETE", `${USERS}${id}/${what}`),
  feed: (after) => ask("GET", at("/api/feed", { after })),
  posts: (after) => ask("GET", at("/api/posts", { after })),
  postsOf: (id, after) => ask("GET", at(`${USERS}${id}/posts`, { after })),
  post: (id) => ask("GET", `/api/posts/${id}`),
  publish: (post) => ask("POST", "/api/posts", post),
  changePost: (id, fields) => ask("PATCH", `/api/posts/${id}`, fields),
  search: (query) => ask("GET", at("/api/search", query)),
  /** `type` is post, comment or user. */
  report: (type, id, reason) => ask("POST", "/api/reports", { type, id, reason }),
  reports: (after) => ask("GET", at("/api/moderation/reports", { after })),
  moderate: (action) => ask("POST", "/api/moderation/actions", action),
  words: () => ask("GET", "/api/moderation/words"),
  setWords: (words) => ask("PUT", "/api/moderation/words", { words }),
  erase: (password) => ask("DELETE", `${USERS}me`, { password }),
  removePost: (id) => ask("DELETE", `/api/posts/${id}`),
};
