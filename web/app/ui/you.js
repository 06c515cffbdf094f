import { announce, announced } from "../device.js";
import { h } from "./dom.js";
import { nameForm } from "./naming.js";
import { panel } from "./panel.js";

const MODES = [["all", "Every comment"], ["summary", "A summary"], ["off", "Nothing"]];

/** Name and what a screen reader is told; on a watch page also the way to the traffic drawer. */
export function openYou({ onAnnounced, onTraffic }) {
  const choices = MODES.map(([mode, label]) => h("label", { class: "choice" },
    h("input", {
      type: "radio", name: "announced", value: mode, checked: mode === announced(),
      onchange: () => {
        announce(mode);
        onAnnounced?.(mode);
      },
    }), label));
  const openTraffic = () => {
    dialog.close();
    onTraffic();
  };
  const traffic = onTraffic && h("section", {}, h("h3", {}, "Traffic"),
    h("p", { class: "quiet" }, "Viewers, comments and likes made by this browser."),
    h("button", { class: "action", type: "button", onclick: openTraffic }, "Open the traffic drawer"));
  const dialog = panel("You", h("div", { class: "sections" },
    h("section", {}, nameForm("Save", () => dialog.close())),
    h("section", {}, h("fieldset", {}, h("legend", {}, "Read aloud by a screen reader"), ...choices)),
    ...(traffic ? [traffic] : [])));
}
