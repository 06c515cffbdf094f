import { Draft, POST_MAX } from "../core/draft.js";
import { figure } from "../core/common.js";
import { sentence } from "../core/session.js";
import { identity } from "../identity.js";
import { social } from "../social.js";
import { h, iconButton } from "./dom.js";

const KEPT = "chorus.draft";
const COUNTED_FROM = 500;

/** Where a post is written. `done(post)` gets what was published. */
export function writePost(done) {
  const draft = new Draft();
  const uploads = new Map();
  const problem = h("p", { class: "problem", role: "alert" });
  const left = h("span", { class: "figure quiet", "aria-live": "polite" });
  const pictures = h("ul", { class: "drafts", hidden: true, "aria-label": "Pictures" });
  const field = h("textarea", {
    placeholder: "What is there to see, or to hear?", "aria-label": "Your post", maxlength: POST_MAX * 2,
  });
  const visibility = h("select", { class: "select", "aria-label": "Who sees it" },
    h("option", { value: "public" }, "Everybody"), h("option", { value: "followers" }, "Followers"));
  const button = h("button", { class: "action", type: "submit" }, "Publish");
  const files = h("input", { type: "file", accept: "image/jpeg,image/png,image/webp", multiple: true,
    "aria-label": "Add pictures" });
  // What was written stays when the page goes.
  field.value = localStorage.getItem(KEPT) ?? "";

  const paint = () => {
    draft.text = field.value;
    left.textContent = draft.room <= COUNTED_FROM ? `${figure(draft.room)} left` : "";
    button.disabled = !draft.canPublish;
    pictures.hidden = draft.pictures.length === 0;
  };
  const take = (file) => {
    const one = draft.add(file);
    if (typeof one === "string") {
      problem.textContent = one;
      return;
    }
    const shown = URL.createObjectURL(file);
    const bar = h("progress", { max: 1, value: 0, "aria-label": `Upload of picture ${one.key}` });
    const trouble = h("p", { class: "problem", role: "alert" });
    const upload = send(file, (share) => {
      draft.progress(one.key, share);
      bar.value = one.share;
    });
    const item = h("li", { class: "draft", "data-phase": "sending" }, h("img", { src: shown, alt: file.name }), bar, trouble,
      iconButton("close", "Take the picture away", () => {
        upload.cancel();
        uploads.delete(one.key);
        draft.remove(one.key);
        URL.revokeObjectURL(shown);
        item.remove();
        paint();
      }));
    uploads.set(one.key, upload);
    pictures.append(item);
    upload.answer.then(({ status, body, ...refusal }) => {
      draft.ended(one.key, status === 201 ? body : null, sentence({ status, ...refusal }));
      item.dataset.phase = one.phase;
      bar.hidden = true;
      trouble.textContent = one.problem ?? "";
      paint();
    });
    paint();
  };
  files.addEventListener("change", () => {
    problem.textContent = "";
    for (const file of files.files) take(file);
    files.value = "";
  });
  field.addEventListener("input", () => {
    localStorage.setItem(KEPT, field.value);
    paint();
  });
  const submit = async (event) => {
    event.preventDefault();
    if (!draft.canPublish || !(await identity.named())) return;
    button.disabled = true;
    problem.textContent = "";
    const { status, body, ...refusal } = await social.publish({ ...draft.post, visibility: visibility.value });
    if (status === 201) {
      localStorage.removeItem(KEPT);
      field.value = "";
      pictures.replaceChildren();
      draft.pictures = [];
      done(body.post);
    } else problem.textContent = sentence({ status, ...refusal });
    paint();
  };
  const form = h("form", { class: "writing", onsubmit: submit, novalidate: true }, field, pictures,
    h("div", { class: "writing-line" }, h("span", { class: "action file" }, "Add pictures", files), visibility, left, button),
    problem);
  paint();
  return form;
}

/** One upload, by XMLHttpRequest, which unlike `fetch` tells how much was sent: `{answer, cancel}`. */
function send(file, progress, isRepeated = false) {
  const request = new XMLHttpRequest();
  const sent = Date.now();
  let isCancelled = false;
  let repeated = null;
  const answer = new Promise((resolve) => {
    request.upload.onprogress = ({ loaded, total }) => progress(loaded / total);
    request.onerror = () => resolve({ status: 0, body: {} });
    request.onabort = () => resolve({ status: 0, body: {} });
    request.onload = async () => {
      // The token may have ended meanwhile.
      if (request.status === 401 && !isRepeated && (await identity.renewed(sent)) && !isCancelled) {
        repeated = send(file, progress, true);
        resolve(repeated.answer);
        return;
      }
      const body = parsed(request.responseText);
      const retryAfter = (Number(request.getResponseHeader("Retry-After")) || 0) * 1000;
      resolve({ status: request.status, body, code: body.code, error: body.error, retryAfter });
    };
    request.open("POST", "/api/media");
    request.setRequestHeader("Content-Type", file.type);
    request.send(file);
  });
  return {
    answer,
    cancel() {
      isCancelled = true;
      request.abort();
      repeated?.cancel();
    },
  };
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
