import { api } from "../api.js";
import { sentence } from "../core/session.js";
import { hasAccounts, identity } from "../identity.js";
import { social } from "../social.js";
import { entry, form, nameForm } from "../ui/account.js";
import { bar } from "../ui/bar.js";
import { h } from "../ui/dom.js";
import { readAloud, signedIn } from "../ui/you.js";

const CURRENT = { name: "current_password", label: "Current password", type: "password", autocomplete: "current-password" };

/** One's own account, and what this device does. */
export async function settings(root) {
  document.title = "Settings · Chorus";
  const column = h("div", { class: "start-column sections" });
  const said = h("p", { class: "quiet", role: "status" });
  root.replaceChildren(bar((openYou) => openYou({})), h("main", { class: "start" }, column));
  const section = (title, ...content) => h("section", {}, h("h2", { class: "label" }, title), ...content);
  const show = (...sections) => column.replaceChildren(
    h("h1", { class: "title" }, "Settings"), ...sections, section("This device", readAloud()), said);
  const again = () => settings(root);

  if (!hasAccounts) return show(h("section", {}, nameForm("Save", () => { said.textContent = "Saved."; })));
  if (!identity.isNamed) return show(section("Sign in", entry(again)));
  const { status, body, ...refusal } = await api.account();
  if (status !== 200) {
    const problem = h("p", { class: "problem" }, sentence({ status, ...refusal }));
    return show(h("section", {}, ...(identity.isNamed ? [signedIn(again), problem] : [entry(again)])));
  }
  const change = async (values) => {
    said.textContent = "";
    const answer = await api.change(values);
    if (answer.status !== 200) return sentence(answer);
    said.textContent = "Saved.";
    return undefined;
  };
  const { display_name: name, bio, email } = body.user;
  return show(
    h("section", {}, signedIn(again), ...(body.user.role === "moderator"
      ? [h("a", { class: "action link", href: "/moderation" }, "Moderation")] : [])),
    section("Profile", form("Save", [
      { name: "display_name", label: "Full name", maxlength: 50, autocomplete: "name", value: name },
      { name: "bio", label: "About you", maxlength: 300, value: bio },
    ], change)),
    section("E-mail", form("Change", [
      { name: "email", label: "New address", type: "email", autocomplete: "email", value: email },
      { ...CURRENT, id: "email_password" },
    ], change)),
    section("Password", form("Change", [
      CURRENT, { name: "password", label: "New password", type: "password", autocomplete: "new-password" },
    ], change, "8 characters at least. Other browsers are signed out.")),
    section("Your data",
      h("a", { class: "action link", href: "/api/users/me/export", download: "chorus.ndjson" }, "Download everything"),
      form("Delete the account", [{ ...CURRENT, name: "erase_password" }], async ({ erase_password: password }) => {
        const answer = await social.erase(password);
        if (answer.status !== 202) return sentence(answer);
        await identity.end();
        return show(section("The account is deleted", h("p", { class: "quiet" },
          "What you wrote, your pictures and your likes go within minutes.")));
      }, "Everything that you wrote goes with it. There is no way back.")));
}
