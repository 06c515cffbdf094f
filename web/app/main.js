import { api, video } from "./api.js";
import { identity } from "./identity.js";
import { auth } from "./settings.js";

/** Pages by address: pattern, what is asked for while the module loads, the module, what it exports. More join here. */
const PAGES = [
  [/^\/watch\/([A-Za-z0-9._:-]{1,128})$/, (id) => video(id).history(), () => import("./pages/watch.js"), "watch"],
  [/^\/feed$/, () => null, () => import("./pages/feed.js"), "feed"],
  [/^\/posts\/([A-Za-z0-9._:-]{1,128})$/, () => null, () => import("./pages/post.js"), "post"],
  [/^\/people\/([A-Za-z0-9._:-]{1,128})$/, () => null, () => import("./pages/person.js"), "person"],
  [/^\/search$/, () => null, () => import("./pages/search.js"), "search"],
  [/^\/moderation$/, () => null, () => import("./pages/moderation.js"), "moderation"],
  [/^\/settings$/, () => null, () => import("./pages/settings.js"), "settings"],
  [/^\//, api.statistics, () => import("./pages/start.js"), "start"],
];

const path = decodeURIComponent(location.pathname);
// Where everybody has a token, the way in is the only page for those without.
const isOut = auth === "required" && !identity.isNamed;
const [pattern, ask, load, name] = PAGES.find(([each]) => each.test(isOut ? "/settings" : path));
const [, ...parts] = isOut ? [] : pattern.exec(path);
const asked = ask(...parts);
const page = await load();
page[name](document.getElementById("page"), asked, ...parts);
if (auth === "required") identity.addEventListener("change", () => location.reload());
import("./ui/install.js");
