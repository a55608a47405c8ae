// The inbox: the lists, which conversation is open, the card beside it, and the keys.

import { call, why } from "./api.js";
import { Composer } from "./composer.js";
import { all, badge, make, one, refuse, say, timeOf, writeTimes } from "./dom.js";
import { alertAway, bus, onKey, showWire, tell } from "./shell.js";
import { Talk } from "./talk.js";

const LIST_EVERY_MS = 1000;
const layout = one("main.inbox");
const parts = { history: one("#history"), events: one("#events"), pending: one("#pending"), edge: one("#edge"), seen: one("#seen"), newer: one("#newer") };
const card = one("#card");
let talk = null;
let current = one("#talk").dataset.open ?? "";
const composer = new Composer(one("#composer"), () => talk);

// Lists

let listed = 0;
let list_timer = null;

/** Load the list again, at most once a second however much moves. */
function refreshList() {
  if (list_timer) return;
  list_timer = setTimeout(() => {
    list_timer = null;
    listed = Date.now();
    const view = one("#chats").dataset.view;
    window.htmx?.ajax("GET", `/console/inbox/list/?view=${view}`, { target: "#chats", swap: "innerHTML" });
  }, Math.max(0, listed + LIST_EVERY_MS - Date.now()));
}

function markCurrent() {
  if (!one("#chats")) return;
  for (const row of all("#chats .chat")) {
    row.toggleAttribute("data-current", row.dataset.chat === current);
    const link = one("a", row);
    if (row.dataset.chat === current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  countUnread();
}

function countUnread() {
  if (one("#chats").dataset.view !== "mine") return;
  const total = all("#chats .chat").reduce((sum, row) => sum + Number(row.dataset.unread), 0);
  badge(one("#unread"), total);
  document.title = `${total ? `(${total}) ` : ""}${one("h1").textContent} · Ease`;
}

function setUnread(row, count) {
  row.dataset.unread = count;
  badge(one(".unread", row), count);
}

/** Bring a row up to date with what its chat's topic told. */
function moved(chat) {
  const row = one(`#chats .chat[data-chat="${CSS.escape(chat.chat_id)}"]`);
  if (!row) return;
  const looked_at = chat.chat_id === current && !document.hidden && talk?.atEnd();
  setUnread(row, looked_at ? 0 : chat.unread);
  if (!chat.last) return;
  const files = chat.last.files ? ` 📎 ${chat.last.files}` : "";
  one(".last", row).textContent = `${chat.last.mine ? `${say("you")}: ` : ""}${chat.last.text}${files}`;
  one("time", row).replaceWith(Object.assign(timeOf(chat.last.at, "short"), { }));
  if (!chat.last.mine && !looked_at) alertAway(say("wrote", { name: chat.last.user }), chat.last.text, chat.chat_id, `/console/inbox/${chat.chat_id}/`);
}

bus.addEventListener("desk", ({ detail }) => {
  detail.chats.forEach(moved);
  countUnread();
  const changed = detail.chats.some((chat) => chat.state && chat.state !== "edited" && chat.state !== "withdrawn");
  const kinds = detail.notices.map((notice) => notice.kind);
  if (detail.replay || changed || kinds.some((kind) => kind.startsWith("chat."))) refreshList();
  if (detail.chats.some((chat) => chat.chat_id === current && ["closed", "reopened", "rated", "snoozed"].includes(chat.state))) refreshCard();
});

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  const view = new URLSearchParams(detail.pathInfo.requestPath.split("?")[1]).get("view");
  if (detail.target.id === "chats" && view) {
    one("#chats").dataset.view = view;
    one("#chats").setAttribute("aria-labelledby", `tab-${view}`);
    for (const tab of all(".tabs a")) tab.setAttribute("aria-selected", String(tab.dataset.view === view));
  }
  markCurrent();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-open-chat]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openChat(link.dataset.openChat, link.dataset.name);
});

// The open conversation

const on = {
  state(state, back) {
    showWire(one("#talk-wire"), state, back);
  },
  people(people) {
    const others = [...people].filter(([user]) => user !== Number(document.body.dataset.me)).map(([, name]) => name);
    one("#presence").textContent = others.length ? `● ${others.join(", ")} ${say("online")}` : say("offline");
  },
  typing(name) {
    one("#typing").textContent = name ? say("typing", { name }) : "";
  },
  held: (sent, name) => composer.hold(sent, name),
  read() {
    const row = one(`#chats .chat[data-chat="${CSS.escape(current)}"]`);
    if (row) setUnread(row, 0);
    countUnread();
  },
  event(event) {
    if (event.type === "chat" && event.state === "transferred") refreshCard();
    if (event.fact) refreshCard();
  },
  ended(code) {
    const words = code === 4010 ? say("closed") : code === 4001 ? say("signed_out") : say("no_access");
    one("#talk-wire").hidden = true;
    one("#composer").hidden = true;
    one("#ended").textContent = words;
    one("#ended").hidden = false;
    if (code !== 4010) {
      for (const name of ["events", "pending"]) parts[name].replaceChildren();
      card.replaceChildren();
    }
  },
};

async function openChat(id, name, { push = true } = {}) {
  talk?.close();
  talk = null;
  current = id;
  tell("chat", { id: "" });
  if (push && !location.pathname.includes(id)) history.pushState({ id, name }, "", `/console/inbox/${id}/${location.search}`);
  layout.dataset.pane = "talk";
  for (const part of ["#no-chat", "#history", "#composer", "#take", "#ended"]) one(part).hidden = true;
  one("#talk-head").hidden = false;
  one("#talk-name").textContent = name ?? nameOf(id);
  one("#presence").textContent = one("#typing").textContent = "";
  markCurrent();
  refreshCard();
  const row = one(`#chats .chat[data-chat="${CSS.escape(id)}"]`);
  const answer = row && row.dataset.state !== "waiting" ? { ok: true, data: { state: row.dataset.state } } : await call("GET", `/api/chats/${id}/`);
  if (current !== id) return;
  if (!answer.ok) {
    one("#talk-wire").hidden = true;
    one("#ended").textContent = answer.status === 404 ? say("no_access") : why(answer);
    one("#ended").hidden = false;
  } else if (answer.data.state === "waiting") {
    one("#talk-wire").hidden = true;
    one("#take").hidden = false;
    one("#take button").focus();
  } else enter(id);
}

function enter(id) {
  one("#history").hidden = one("#composer").hidden = one("#talk-wire").hidden = false;
  one("#ended").hidden = one("#take").hidden = true;
  composer.enter(id);
  tell("chat", { id });
  talk = new Talk(id, parts, on);
  if (matchMedia("(min-width: 721px)").matches) composer.text.focus();
}

function nameOf(id) {
  return one(`#chats .chat[data-chat="${CSS.escape(id)}"] a`)?.dataset.name ?? "";
}

one("#take button").addEventListener("click", async ({ target }) => {
  target.disabled = true;
  const answer = await call("POST", `/api/chats/${current}/take/`);
  target.disabled = false;
  refreshList();
  if (answer.ok) {
    enter(current);
    refreshCard();
  } else {
    refuse(say("failed", { why: why(answer) }));
    openChat(current, one("#talk-name").textContent, { push: false });
  }
});

function refreshCard() {
  if (current && list_timer !== "gone") window.htmx?.ajax("GET", `/console/inbox/${current}/card/`, { target: "#card", swap: "innerHTML" });
}

document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target.id !== "card") return;
  if (!one("#talk-name").textContent) one("#talk-name").textContent = one("h2", card)?.textContent ?? "";
  for (const link of all("[data-zoned]", card)) link.href += `&tz=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)}`;
});

bus.addEventListener("sent", ({ detail: { answer, then } }) => {
  if (then.includes("card") || !answer.ok) refreshCard();
  if (!answer.ok) return;
  if (then.includes("list")) refreshList();
  if (then.includes("open")) openChat(current, one("#talk-name").textContent, { push: false });
  if (then.includes("leave")) leave();
});

function leave() {
  talk?.close();
  talk = null;
  current = "";
  tell("chat", { id: "" });
  history.pushState({}, "", `/console/inbox/${location.search}`);
  for (const part of ["#talk-head", "#history", "#composer", "#take", "#ended"]) one(part).hidden = true;
  one("#no-chat").hidden = false;
  card.replaceChildren();
  delete layout.dataset.pane;
  markCurrent();
}

bus.addEventListener("gone", () => {
  talk?.close();
  talk = null;
  clearTimeout(list_timer);
  list_timer = "gone"; // Nothing is listed any more.
});
addEventListener("popstate", () => {
  const id = /inbox\/([0-9a-f-]{36})\//.exec(location.pathname)?.[1];
  if (id) openChat(id, undefined, { push: false });
  else location.reload();
});
parts.newer.addEventListener("click", () => talk?.toEnd());
one("#back").addEventListener("click", () => delete layout.dataset.pane);
one("#card-open").addEventListener("click", () => showCard(layout.dataset.pane !== "card"));
document.addEventListener("click", (event) => event.target.closest("[data-card-close]") && showCard(false));

function showCard(open) {
  layout.dataset.pane = open ? "card" : "talk";
  one("#card-open").setAttribute("aria-expanded", String(open));
  if (open) card.focus();
}

// Keys

function move(step) {
  const links = all("#chats .chat a");
  if (!links.length) return;
  const here = links.indexOf(document.activeElement);
  const at = here >= 0 ? here : links.findIndex((link) => link.dataset.openChat === current);
  links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
}
onKey("j", () => move(1));
onKey("k", () => move(-1));
onKey("r", () => composer.text.focus());
onKey("n", () => (one("#is-note").click(), composer.text.focus()));
onKey("/", () => ((composer.text.value = "/"), composer.text.focus(), composer.typed()));
onKey("c", () => (card.offsetParent ? card.focus() : showCard(true)));
["queue", "mine", "all"].forEach((view, at) => onKey(String(at + 1), () => one(`#tab-${view}`).click()));

// htmx comes deferred, before modules: it is here.
markCurrent();
writeTimes();
if (current) openChat(current, undefined, { push: false });
export { make };
