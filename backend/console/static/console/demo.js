// What a mobile app does, on the same API and sockets: sign in with tokens of one's own, chat, send money, and watch.

import { bear, call, why } from "./api.js";
import { become, make, one, refuse, say, timeOf } from "./dom.js";
import { Talk } from "./talk.js";
import { Wire } from "./wire.js";

const cursors = new Map();
let talk = null;
let wire = null;

function showWire(state) {
  one("#wire").dataset.state = state;
  one("#wire span").textContent = say(state === "live" ? "live" : "lost");
}

one("#door").addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(event.target));
  const answer = await call("POST", "/api/users/login/", given);
  if (!answer.ok) {
    one("#door-refusal").textContent = why(answer);
    one("#door-refusal").hidden = false;
    return;
  }
  bear({ access: answer.data.access, refresh: answer.data.refresh });
  const profile = await call("GET", "/api/user/me/");
  become(profile.data?.id ?? Number(answer.data.id));
  one("#door").hidden = true;
  one("#phone").hidden = false;
  one("#hello").textContent = given.username;
  wire = new Wire("/ws/notifications/", {
    cursor: () => (cursors.size ? `after=${[...cursors].map(([topic, seq]) => `${topic}:${seq}`).join(",")}` : ""),
    frame: heard,
    state: showWire,
    ended: () => location.reload(),
  });
  showMoney();
});

// Money: accounts, sending, and what becomes of it

function heard(frame) {
  const notices = Array.isArray(frame) ? frame : frame.kind ? [frame] : [];
  for (const notice of notices) {
    if ((cursors.get(notice.topic) ?? 0) >= notice.seq) continue;
    cursors.set(notice.topic, notice.seq);
    const facts = notice.payload;
    const words = `${notice.kind.replaceAll(/[._]/g, " ")}${facts.amount ? ` · ${facts.amount} ${facts.currency}` : ""}`;
    one("#notices").prepend(make("li", { "data-kind": notice.kind }, words, " · ", timeOf(notice.timestamp, "short")));
    if (notice.kind.startsWith("transfer.") && !Array.isArray(frame)) showMoney();
  }
}

async function showMoney() {
  const found = await call("GET", "/api/accounts/");
  one("#money").hidden = !found.ok;
  one("#no-money").hidden = found.ok;
  if (!found.ok) {
    one("#no-money").textContent = found.status === 404 ? "" : why(found);
    return;
  }
  const accounts = found.data.results ?? found.data;
  one("#accounts").replaceChildren(...accounts.map((account) => make("li", {}, make("strong", {}, account.account_number), ` ${account.available ?? account.balance} ${account.currency}`, Number(account.held) ? make("span", { class: "mark pending" }, `${account.held} held`) : null)));
  one("#source").replaceChildren(...accounts.map((account) => make("option", { value: account.account_id }, account.account_number)));
  one("#bank").value ||= accounts[0]?.bank_id ?? "";
  const sent = await call("GET", "/api/transfers/");
  one("#account_number").value ||= sent.data?.results?.find((row) => row.direction === "out")?.target?.account_number ?? "";
  if (sent.ok) one("#transfers").replaceChildren(...sent.data.results.slice(0, 10).map((row) => make("li", { "data-state": row.state }, `${row.amount} ${row.currency} `, make("span", { class: `mark ${{ posted: "good", held: "pending", voided: "bad", rejected: "bad" }[row.state] ?? ""}` }, row.state), " ", timeOf(row.created_at, "short"))));
}

let key = crypto.randomUUID();
one("#send-money").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = one("button", event.target);
  button.disabled = true;
  const answer = await call("POST", "/api/transfers/", Object.fromEntries(new FormData(event.target)), { head: { "Idempotency-Key": key } });
  button.disabled = false;
  if (answer.status) key = crypto.randomUUID(); // Without an answer the same key goes out again: money moves once.
  if (!answer.ok) refuse(say("failed", { why: why(answer) }));
  showMoney();
});

// The chat

class OwnTalk extends Talk {
  drawnFile(file) {
    const fetch_it = async (event) => {
      event.preventDefault();
      refuse(file.name);
    };
    return make("button", { type: "button", class: "plain file", onclick: fetch_it }, `📎 ${file.name}`);
  }
}

const parts = { history: one("#history"), events: one("#events"), pending: one("#pending"), edge: one("#edge"), seen: one("#seen"), newer: one("#newer") };
one("#open-chat").addEventListener("click", async () => {
  const answer = await call("POST", "/api/chats/get-or-create/");
  if (!answer.ok) return refuse(say("failed", { why: why(answer) }));
  one("#open-chat").hidden = true;
  one("#history").hidden = one("#composer").hidden = false;
  talk?.close();
  talk = new OwnTalk(answer.data.chat_id, parts, {
    state: showWire,
    people() {},
    typing: (name) => (one("#typing").textContent = name ? say("typing", { name }) : ""),
    held() {},
    ended: (code) => {
      one("#composer").hidden = true;
      one("#open-chat").hidden = false;
      if (code === 4010) one("#rate").hidden = false;
      one("#rate").dataset.chat = answer.data.chat_id;
    },
  }, { staff: false });
});
one("#composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = one("#text");
  if (!text.value.trim() || !talk) return;
  talk.take({ message: text.value });
  text.value = "";
});
one("#text").addEventListener("input", () => talk?.sayTyping());
one("#text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  one("#composer").requestSubmit();
});
one("#rate").addEventListener("submit", async (event) => {
  event.preventDefault();
  const stars = Number(event.submitter.value);
  const answer = await call("POST", `/api/chats/${event.target.dataset.chat}/rating/`, { stars });
  if (answer.ok) event.target.hidden = true;
  else refuse(say("failed", { why: why(answer) }));
});
parts.newer.addEventListener("click", () => talk?.toEnd());
