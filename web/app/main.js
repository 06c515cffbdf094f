/** Which page an address is: a pattern, the module, and what it exports. Further pages join here. */
const PAGES = [
  [/^\/watch\/([A-Za-z0-9._:-]{1,128})$/, () => import("./pages/watch.js"), "watch"],
  [/^\//, () => import("./pages/start.js"), "start"],
];

const path = decodeURIComponent(location.pathname);
const [pattern, load, name] = PAGES.find(([each]) => each.test(path));
const [, ...parts] = pattern.exec(path);
const page = await load();
page[name](document.getElementById("page"), ...parts);
import("./ui/install.js");
