import { figure, moment } from "/app/core/common.js";
import { h } from "/app/ui/dom.js";
import { sorted } from "../core/link.js";
import { STALE_SECONDS } from "../core/verdict.js";

const COLUMNS = [
  ["id", "Reader", (reader) => reader.id],
  ["placement", "placement", (reader) => reader.placement ?? "–"],
  ["connections", "viewers", (reader) => figure(reader.connections)],
  ["channels", "channels", (reader) => figure(reader.channels)],
  ["share", "share", (reader) => `${(100 * reader.share).toFixed(1)}%`],
  ["deliveries", "in/s", (reader) => (reader.deliveries === null ? "–" : figure(Math.round(reader.deliveries)))],
  ["events", "out/s", (reader) => (reader.events === null ? "–" : figure(Math.round(reader.events)))],
];

/** The Readers, sortable; a press on one shows everything that it reports. */
export class ReaderTable extends EventTarget {
  sort = "id";
  open = null;
  #before = null;
  #rows = [];
  #body = h("tbody");
  #heads = new Map();
  #more = h("p", { class: "quiet" });

  constructor() {
    super();
    const head = h("tr");
    for (const [member, title] of COLUMNS) {
      const button = h("button", { type: "button", onclick: () => this.#sortBy(member) }, title);
      const cell = h("th", { scope: "col" }, button);
      this.#heads.set(member, cell);
      head.append(cell);
    }
    this.element = h("section", { class: "readers", "aria-label": "Readers" },
      h("h2", { class: "label" }, "Readers"),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of Readers" },
        h("table", {}, h("thead", {}, head), this.#body)),
      this.#more);
  }

  draw(state) {
    const time = Date.parse(state.time);
    const before = this.#before;
    const seconds = before ? (time - before.time) / 1000 : 0;
    this.#rows = state.readers.map((reader) => {
      const known = before?.readers.get(reader.id);
      const rate = (member) => (known && seconds > 0 ? Math.max(0, reader[member] - known[member]) / seconds : null);
      return {
        ...reader, share: state.channels ? reader.channels / state.channels : 0,
        deliveries: rate("received"), events: rate("sent"),
      };
    });
    this.#before = { time, readers: new Map(state.readers.map((reader) => [reader.id, reader])) };
    const rest = state.readersTotal - state.readers.length;
    this.#more.textContent = rest > 0 ? `${figure(rest)} more Readers are not shown.` : "";
    this.show();
  }

  show() {
    for (const [member, cell] of this.#heads) {
      const order = this.sort === member ? "ascending" : this.sort === `-${member}` ? "descending" : "none";
      if (cell.getAttribute("aria-sort") !== order) cell.setAttribute("aria-sort", order);
    }
    const rows = sorted(this.#rows, this.sort);
    const known = new Map([...this.#body.children].map((row) => [row.dataset.key, row]));
    const wanted = rows.flatMap((reader) => {
      const row = known.get(reader.id) ?? this.#makeRow(reader.id);
      row.classList.toggle("stale", reader.secondsSinceReport > STALE_SECONDS);
      COLUMNS.forEach(([member, , show], index) => {
        const cell = member === "id" ? row.children[0].firstChild : row.children[index];
        const text = show(reader);
        if (cell.textContent !== text) cell.textContent = text;
      });
      row.children[0].firstChild.setAttribute("aria-expanded", String(this.open === reader.id));
      if (this.open !== reader.id) return [row];
      const key = `${reader.id} details`;
      const more = known.get(key) ?? h("tr", { class: "details", "data-key": key }, h("td", { colspan: COLUMNS.length }));
      more.dataset.key = key;
      details(more.firstChild, reader);
      return [row, more];
    });
    wanted.forEach((row, index) => {
      if (this.#body.children[index] !== row) this.#body.insertBefore(row, this.#body.children[index] ?? null);
    });
    while (this.#body.children.length > wanted.length) this.#body.lastChild.remove();
  }

  #makeRow(id) {
    const button = h("button", { type: "button", onclick: () => this.#toggle(id) }, id);
    const row = h("tr", {}, h("th", { scope: "row" }, button), ...COLUMNS.slice(1).map(() => h("td", { class: "figure" })));
    row.dataset.key = id;
    return row;
  }

  #toggle(id) {
    this.open = this.open === id ? null : id;
    this.show();
    this.dispatchEvent(new Event("change"));
  }

  #sortBy(member) {
    this.sort = this.sort === `-${member}` ? member : this.sort === member || member !== "id" ? `-${member}` : member;
    this.show();
    this.dispatchEvent(new Event("change"));
  }
}

function details(cell, reader) {
  const rows = [
    ["address", reader.url ?? "none: no viewer is sent there"],
    ["last report", `${reader.secondsSinceReport.toFixed(1)} s ago`],
    ["connections ever", figure(reader.connectionsTotal)],
    ["messages from Redis", figure(reader.received)],
    ["events to viewers", figure(reader.sent)],
    ["extra subscriptions", figure(reader.extra)],
    ["not redirected", figure(reader.notRedirected)],
    ...Object.entries(reader.disconnects).filter(([, count]) => count).map(([code, count]) => [`ended: ${code.replaceAll("_", " ")}`, figure(count)]),
    ...Object.entries(reader.refusals).filter(([, count]) => count).map(([code, count]) => [`refused: ${code.replaceAll("_", " ")}`, figure(count)]),
  ];
  const text = JSON.stringify(rows);
  if (cell.dataset.shown === text) return;
  cell.dataset.shown = text;
  cell.replaceChildren(h("dl", { class: "figures" }, ...rows.map(([name, value]) =>
    h("div", {}, h("dt", {}, name), h("dd", { class: "figure" }, value)))));
}

/** The channels with the most viewers; a press leads to the channel's note. */
export class HotTable extends EventTarget {
  #body = h("tbody");
  #shown = "";

  constructor() {
    super();
    const head = ["channel", "viewers", "Readers", "comments"].map((title) => h("th", { scope: "col" }, title));
    this.element = h("section", { class: "hot", "aria-label": "Hottest channels" },
      h("h2", { class: "label" }, "Hottest channels"),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of channels" },
        h("table", {}, h("thead", {}, h("tr", {}, ...head)), this.#body)));
  }

  draw({ hottest }) {
    const rows = hottest.slice(0, 12);
    const names = rows.map(({ name }) => name).join(" ");
    if (names !== this.#shown) {
      this.#shown = names;
      this.#body.replaceChildren(...rows.map(({ name, column }) => h("tr", {},
        h("th", { scope: "row" }, h("button", {
          type: "button", onclick: () => this.dispatchEvent(new CustomEvent("choose", { detail: { name, column } })),
        }, name)), ...[0, 1, 2].map(() => h("td", { class: "figure" })))));
    }
    rows.forEach(({ viewers, readers, published }, index) => {
      [viewers, readers, published].forEach((value, at) => {
        const cell = this.#body.children[index].children[at + 1];
        if (cell.textContent !== figure(value)) cell.textContent = figure(value);
      });
    });
  }
}

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
