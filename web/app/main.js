import { api } from "./api.js";

/** Pages by address: pattern, what is asked for while the module loads, the module, what it exports. More join here. */
const PAGES = [
  [/^\/watch\/([A-Za-z0-9._:-]{1,128})$/, api.history, () => import("./pages/watch.js"), "watch"],
  [/^\//, api.statistics, () => import("./pages/start.js"), "start"],
];

const path = decodeURIComponent(location.pathname);
const [pattern, ask, load, name] = PAGES.find(([each]) => each.test(path));
const [, ...parts] = pattern.exec(path);
const asked = ask(...parts);
const page = await load();
page[name](document.getElementById("page"), asked, ...parts);
import("./ui/install.js");
