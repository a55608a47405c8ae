// What every page has: the console's socket, what is open to the person, forms, keys, times, light and dark.

import { call, toSignIn, why } from "./api.js";
import { all, badge, me, one, refuse, say, writeTimes, zone } from "./dom.js";
import { forget } from "./keeping.js";
import { Wire } from "./wire.js";

const place = document.body.dataset.place;
const cursors = new Map();
const handled = new Set();
let gone = false;

/** Modules of pages listen here: `desk` (frames of the console's socket), `sent` (a form's action was carried out). */
export const bus = new EventTarget();
export const tell = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

// The socket

function noticed(notice) {
  const at = `${notice.topic}:${notice.seq}`;
  if (handled.has(at)) return false;
  handled.add(at);
  cursors.set(notice.topic, Math.max(cursors.get(notice.topic) ?? 0, notice.seq));
  return true;
}

function heard(frame) {
  if (gone) return;
  if (Array.isArray(frame)) {
    const fresh = frame.filter(noticed);
    if (wire.again_from) tell("desk", { notices: fresh, chats: [], replay: true });
    wire.again_from = true;
  } else if (frame.type === "access") opened(frame.places);
  else if (frame.type === "desk") {
    frame.notices = frame.notices.filter(noticed);
    tell("desk", frame);
    frame.notices.forEach(announce);
  } else if (frame.type === "reset") cursors.set(frame.topic, frame.head);
}

/** A place that is no longer open goes away at once, with everything that was on it. */
function opened(places) {
  for (const link of all("[data-place-link]")) link.hidden = !places.includes(link.dataset.placeLink);
  if (place && !places.includes(place)) goAway(say("gone"));
  else if (!place && places.length && one("main .empty")) location.assign("/console/");
}

export function goAway(words) {
  tell("gone");
  gone = true;
  one("#main").replaceChildren();
  one("#gone h1").textContent = words;
  one("#gone").hidden = false;
  document.title = words;
}

export function showWire(element, state, back) {
  const shown = state === "live" && back ? "back" : state;
  element.dataset.state = shown;
  one("span", element).textContent = say({ live: "live", lost: "lost", back: "caught_up" }[shown] ?? "connecting");
  clearTimeout(element.timer);
  if (shown === "back") element.timer = setTimeout(() => showWire(element, "live"), 4000);
}

const wire = new Wire("/ws/console/", {
  cursor: () => (cursors.size ? `after=${[...cursors].map(([topic, seq]) => `${topic}:${seq}`).join(",")}` : ""),
  frame: heard,
  state: (state, back) => showWire(one("#wire"), state, back),
  ended: (code) => {
    if (code === 4001) {
      goAway(say("signed_out"));
      toSignIn();
    } else goAway(say("gone"));
  },
});

// Forms that call the API: `data-api="PUT /api/…/"`. What their fields become: `data-as`.

function bodyOf(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name) continue;
    const as = field.dataset.as;
    if (as === "bool") body[field.name] = field.checked;
    else if (as === "list") {
      body[field.name] ??= [];
      if (field.checked) body[field.name].push(field.value);
    } else if (field.type === "radio" && !field.checked) continue;
    else if (as === "int") body[field.name] = Number(field.value);
    else if (as === "moment") body[field.name] = new Date(field.value).toISOString();
    else if (as === "optional" && !field.value.trim()) continue;
    else if (as === "agent") Object.assign(body, field.value === "queue" ? { queue: true } : { agent: Number(field.value) });
    else if (field.type !== "checkbox" || field.checked) body[field.name] = field.value;
  }
  return body;
}

export async function submit(form, submitter) {
  if (form.dataset.busy) return;
  if (form.dataset.sure && !confirm(form.dataset.sure)) return;
  const [method, path] = (submitter?.dataset.api ?? form.dataset.api).split(" ");
  form.dataset.busy = "true";
  const body = bodyOf(form);
  if (submitter?.name) body[submitter.name] = submitter.value;
  // `data-key`: one key for as long as the form is there, so that what moves money is done once however often it is sent.
  const head = "key" in form.dataset ? { "Idempotency-Key": (form.dataset.key ||= crypto.randomUUID()) } : {};
  const answer = await call(method, path, method === "DELETE" ? undefined : body, { head });
  delete form.dataset.busy;
  if (answer.ok && !form.classList.contains("availability") && !submitter?.form?.dataset.keep) forget(form);
  if (answer.status === 401) toSignIn();
  else if (!answer.ok) refuse(say("failed", { why: why(answer) }));
  tell("sent", { form, answer, then: (form.dataset.then ?? "").split(" ") });
}

document.addEventListener("submit", (event) => {
  if (!event.target.dataset.api && !event.submitter?.dataset.api) return;
  event.preventDefault();
  submit(event.target, event.submitter);
});
document.addEventListener("change", (event) => {
  if ("go" in event.target.dataset) event.target.form.requestSubmit();
  else if (event.target.form?.classList.contains("availability") || "now" in event.target.dataset) submit(event.target.form);
});

bus.addEventListener("sent", ({ detail }) => {
  if (detail.answer.ok && detail.then.includes("reload")) location.reload();
});

// Light and dark

const dark = () => document.documentElement.dataset.theme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
one("#theme").addEventListener("click", () => {
  const theme = dark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${theme}; path=/console/; max-age=31536000; samesite=lax${secure}`;
});

// Keys

const keys = new Map();
export const onKey = (key, action) => keys.set(key, action);
const help = one("#help");
const openHelp = () => !help.open && help.showModal();
one("#help-open").addEventListener("click", openHelp);
onKey("?", openHelp);

let led = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return;
  if (Date.now() - led < 1500) {
    led = 0;
    const link = all("[data-place-link]").find((one) => one.dataset.key === event.key && !one.hidden);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  if (event.key === "g") {
    led = Date.now();
    return;
  }
  const action = keys.get(event.key);
  if (action && action(event) !== false) event.preventDefault();
});

// Notifications of the browser: asked for by a press, shown while the page is not looked at.

const notify = one("#notify");
if ("Notification" in window && Notification.permission === "default") {
  notify.hidden = false;
  notify.addEventListener("click", async () => {
    await Notification.requestPermission();
    notify.hidden = true;
  });
}

export function alertAway(title, body, tag, address) {
  if (!("Notification" in window) || Notification.permission !== "granted" || !document.hidden) return;
  const shown = new Notification(title, { body, tag });
  shown.onclick = () => {
    window.focus();
    if (address) location.assign(address);
    shown.close();
  };
}

function announce({ kind, payload, topic }) {
  if (kind === "chat.queued") alertAway(say("waits", { name: payload.customer }), "", payload.chat_id, "/console/inbox/?view=queue");
  else if (kind === "chat.assigned" && topic === `user.${me}`) alertAway(say("assigned", { name: payload.customer }), "", payload.chat_id, `/console/inbox/${payload.chat_id}/`);
  else if (kind === "fraud.alert") alertAway(say("alert"), payload.title, payload.alert_id, `/console/fraud/${payload.alert_id}/`);
  else if (kind === "loan.applied") alertAway(say("loan"), `${payload.amount} ${payload.currency}`, payload.application_id, `/console/lending/${payload.application_id}/`);
  else if (kind === "kyc.submitted") alertAway(say("kyc", { name: payload.user }), "", `kyc-${payload.user_id}`, `/console/kyc/${payload.user_id}/`);
}

bus.addEventListener("desk", ({ detail }) => {
  if (detail.waiting !== undefined) {
    badge(one('[data-badge="inbox"]'), detail.waiting);
    badge(one("#waiting"), detail.waiting);
  }
});

// Parts of pages that follow a kind of notice: `data-live="kyc."`, `data-live-url`, and of one thing only `data-live-of`.

const waiting = new Map();
function follow(part) {
  if (waiting.has(part)) return;
  waiting.set(part, setTimeout(() => {
    waiting.delete(part);
    if (part.isConnected) window.htmx?.ajax("GET", part.dataset.liveUrl, { target: part, swap: "innerHTML" });
  }, 250));
}
bus.addEventListener("desk", ({ detail }) => {
  for (const part of all("[data-live]")) {
    const fits = ({ kind, payload }) => kind.startsWith(part.dataset.live) && (!part.dataset.liveOf || Object.values(payload).map(String).includes(part.dataset.liveOf));
    if (detail.replay || detail.notices.some(fits)) follow(part);
  }
});
bus.addEventListener("sent", ({ detail }) => {
  for (const part of all("[data-live]")) follow(part);
  if (detail.answer.ok && detail.then.includes("home")) location.assign(detail.form.dataset.home);
});

document.addEventListener("htmx:afterSwap", (event) => writeTimes(event.detail.target));
document.addEventListener("htmx:sendError", () => refuse(say("failed", { why: say("no_connection") })));
writeTimes();
for (const field of all("[data-zone]")) field.value = zone;
export { badge };
