import { api } from "./api.js";
import { isId } from "./core/common.js";
import { Session } from "./core/session.js";
import { auth } from "./settings.js";

const NAME = "chorus.name";
const GUEST = "chorus.guest";
const SESSION = "chorus.session";
export const NAME_MAX = 32;
/** Whether people have accounts; else they have names. */
export const hasAccounts = auth !== "off";

/**
 * Who this person is: an account that they signed in to, or where there are none a name that they chose, kept on this
 * device; or a guest. Tells `change`.
 */
class Identity extends EventTarget {
  #session = new Session();
  #timer = 0;
  #renewal = null;
  /** Kept here, too: each comment asks whose it is. */
  #name = chosen();
  #guest = null;

  constructor() {
    super();
    if (hasAccounts) this.#on({ type: "kept", kept: stored() });
    addEventListener("storage", ({ key }) => {
      if (key === NAME) this.#look();
      else if (key === SESSION && hasAccounts) this.#on({ type: "kept", kept: stored() });
    });
    // In the back-forward cache a page is told nothing.
    addEventListener("pageshow", ({ persisted }) => persisted && this.#look());
  }

  get isNamed() {
    return (hasAccounts ? this.#session.userid : this.#name) !== null;
  }

  get userid() {
    return (hasAccounts ? this.#session.userid : this.#name) ?? (this.#guest ??= guest());
  }

  /** Why the last log-in ended, as a code, or null. */
  get reason() {
    return this.#session.reason;
  }

  /** Whether there is a name in the end: the person is asked for it when there is none. */
  async named() {
    return this.isNamed || (await import("./ui/account.js")).askWho();
  }

  choose(name) {
    localStorage.setItem(NAME, name);
    this.#look();
  }

  /** Signs in, or up: `what` is login or register. The answer, as of a request. */
  async begin(what, fields) {
    const answer = await api.session(what, fields);
    const { user, expires_in: seconds } = answer.body;
    if (user) this.#on({ type: "signedIn", userid: user.id, life: seconds * 1000 });
    return answer;
  }

  /** Signs out. While nobody answers the cookies stay, and so does the person. */
  async end() {
    const answer = await api.session("logout");
    if (answer.status && answer.status < 500) this.#on({ type: "signedOut" });
    return answer;
  }

  /**
   * Whether there is another token than the one that a request was sent with at `sent`: renews it when there is not.
   * Null while that cannot be said.
   */
  async renewed(sent) {
    if (!this.#session.userid) return false;
    this.#on({ type: "unauthorized", sent });
    await this.#renewal;
    if (this.#session.phase === "out") return false;
    return this.#session.kept.since >= sent || null;
  }

  #on(event) {
    const before = this.#session.userid;
    for (const action of this.#session.on(event, Date.now())) {
      if (action.do === "keep") keep(action.kept);
      else this.#renewal = this.#renew();
    }
    clearTimeout(this.#timer);
    const { deadline } = this.#session;
    if (deadline !== null) {
      this.#timer = setTimeout(() => this.#on({ type: "timer" }), Math.max(0, deadline - Date.now()) + 1);
    }
    if (before !== this.#session.userid) this.#changed();
  }

  /** One page at a time asks for a token; those that waited find it kept. */
  async #renew() {
    const { since } = this.#session.kept;
    await alone(async () => {
      const kept = stored();
      if (kept?.since !== since) return this.#on({ type: "kept", kept });
      const answer = await api.session("token");
      if (answer.status === 200) return this.#on({ type: "renewed", life: answer.body.expires_in * 1000 });
      return this.#on({ type: "refused", ...answer });
    });
  }

  /** Whether another name was chosen, in this page or another one. */
  #look() {
    const before = this.#name;
    this.#name = chosen();
    if (before !== this.#name) this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Why a name cannot be used, or null. */
export function problemOf(name) {
  if (name === "") return "A name is needed.";
  if (name.length > NAME_MAX) return `At most ${NAME_MAX} characters.`;
  return isId(name) ? null : "No spaces and no other signs.";
}

function chosen() {
  const name = localStorage.getItem(NAME);
  return name !== null && problemOf(name) === null ? name : null;
}

function guest() {
  const kept = localStorage.getItem(GUEST);
  if (kept && isId(kept)) return kept;
  const made = `guest-${Math.random().toString(36).slice(2, 8)}`;
  localStorage.setItem(GUEST, made);
  return made;
}

function stored() {
  try {
    const { userid, since, until } = JSON.parse(localStorage.getItem(SESSION));
    return isId(userid) && since < until ? { userid, since, until } : null;
  } catch {
    return null;
  }
}

function keep(kept) {
  if (kept) localStorage.setItem(SESSION, JSON.stringify(kept));
  else localStorage.removeItem(SESSION);
}

/** The lock is held for one request only: a page that holds one cannot go into the back-forward cache. */
function alone(work) {
  return navigator.locks ? navigator.locks.request(SESSION, work) : work();
}

export const identity = new Identity();
