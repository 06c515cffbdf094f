import { moment } from "/app/core/format.js";
import { h } from "/app/ui/dom.js";

/** The reports of the laboratory, where StatsAPI knows their folder. */
export function reportList() {
  const list = h("ul");
  const element = h("section", { class: "reports", hidden: true, "aria-label": "Reports" }, h("h2", { class: "label" }, "Reports"), list);
  const refresh = async () => {
    const response = await fetch("/statistics/reports").catch(() => null);
    if (!response?.ok) return;
    const { reports } = await response.json();
    element.hidden = reports.length === 0;
    list.replaceChildren(...reports.map(({ name, modified, files }) => h("li", {},
      files.includes("report.html") ? h("a", { href: `/reports/${name}/report.html` }, name) : h("span", {}, name),
      h("span", { class: "figure quiet" }, moment(modified)))));
  };
  refresh();
  return element;
}
