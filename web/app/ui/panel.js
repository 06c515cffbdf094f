import { h, iconButton } from "./dom.js";
import { styles } from "./styles.js";

// Panels, and the forms in them, come when one is asked for.
await styles("panel");

/** A page over the page: modal from the right, or beside the comments when it is not modal. Returns the dialog. */
export function panel(title, content, { isModal = true, name = "" } = {}) {
  const dialog = h("dialog", { class: `panel ${name}`, "aria-label": title },
    h("div", { class: "panel-bar" },
      h("h2", { class: "title" }, title), iconButton("close", "Close", () => dialog.close())),
    h("div", { class: "panel-body" }, content));
  const from = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    from?.focus?.();
  });
  dialog.addEventListener("click", ({ target }) => isModal && target === dialog && dialog.close());
  document.body.append(dialog);
  if (isModal) dialog.showModal();
  else dialog.show();
  return dialog;
}
