// The assistant beside the composer. What it proposes streams into a panel as text; the agent decides what becomes of
// it: nothing is ever sent from here, and nothing that is being written is overwritten.

import { make, one, say } from "./dom.js";
import { ask, bus, onKey } from "./shell.js";

const SILENT_MS = 60000; // longer than the server waits for its model
const panel = one("#assist");
const text = one("#assist-text");
const state = one("#assist-state");
const sources = one("#assist-sources");
const composer = one("#text");
let chat = "";
let asked = null;
let number = 0;
let silence = null;

function start(task) {
  if (!chat || one("#composer").hidden || one("#assist-tools").dataset.on !== "true") return;
  stop();
  asked = { id: `${Date.now().toString(36)}-${++number}`, task, chat_id: chat };
  show("busy", say("assist_busy"));
  text.textContent = "";
  sources.replaceChildren();
  if (!ask({ type: "assist", ...asked })) return fail(say("assist_lost"));
  listen();
}

function listen() {
  clearTimeout(silence);
  silence = setTimeout(() => asked && fail(say("assist_lost")), SILENT_MS);
}

function stop() {
  if (asked) ask({ type: "assist_stop", id: asked.id });
  asked = null;
  clearTimeout(silence);
}

/** What the panel shows: `busy`, `done`, `unknown` or `failed`. Its buttons follow by CSS and `hidden`. */
function show(what, words) {
  panel.hidden = false;
  panel.dataset.state = what;
  panel.setAttribute("aria-busy", String(what === "busy"));
  state.textContent = words;
  const task = asked?.task ?? panel.dataset.task;
  panel.dataset.task = task;
  one("#assist-use").hidden = what !== "done" || task !== "suggestion";
  one("#assist-note").hidden = what !== "done" || task !== "summary";
  one("#assist-stop").hidden = what !== "busy";
  one("#assist-again").hidden = what === "busy";
}

function fail(words) {
  show("failed", words);
  stop();
}

function close() {
  stop();
  panel.hidden = true;
}

bus.addEventListener("assist", ({ detail: frame }) => {
  if (!asked || frame.id !== asked.id) return;
  listen();
  if (frame.state === "part") text.append(frame.text);
  else if (frame.state === "failed") fail(frame.detail);
  else if (frame.state === "stopped") close();
  else if (frame.state === "done") {
    text.textContent = frame.text;
    sources.replaceChildren(...frame.sources.map((source) => make("li", {}, make("a", { href: `/api/help/articles/${source.slug}/`, target: "_blank", rel: "noopener" }, source.title))));
    show(frame.knows ? "done" : "unknown", frame.knows ? "" : say("assist_unknown"));
    asked = null;
    clearTimeout(silence);
    if (frame.knows && document.activeElement !== composer) one(frame.task === "summary" ? "#assist-note" : "#assist-use").focus();
  }
});

bus.addEventListener("wire", ({ detail }) => detail.state === "lost" && asked && fail(say("assist_lost")));
bus.addEventListener("chat", ({ detail }) => {
  chat = detail.id;
  close();
});
bus.addEventListener("gone", close);

/** Put the proposal behind what is in the composer already. */
function take(is_note) {
  const note = one("#is-note");
  if (note.checked !== is_note) note.click();
  composer.value = [composer.value.trimEnd(), text.textContent].filter(Boolean).join("\n").slice(0, composer.maxLength);
  close();
  composer.focus();
}

one("#assist-suggest").addEventListener("click", () => start("suggestion"));
one("#assist-summarise").addEventListener("click", () => start("summary"));
one("#assist-again").addEventListener("click", () => start(panel.dataset.task));
one("#assist-stop").addEventListener("click", close);
one("#assist-close").addEventListener("click", () => (close(), composer.focus()));
one("#assist-use").addEventListener("click", () => take(false));
one("#assist-note").addEventListener("click", () => take(true));
onKey("s", () => start("suggestion"));
onKey("m", () => start("summary"));
