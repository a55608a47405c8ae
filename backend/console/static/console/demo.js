// What a mobile app does, on the same API and sockets: sign in with tokens of one's own, chat, send money, and watch.

import { bear, call, fetchFile, why } from "./api.js";
import { all, become, make, money, one, refuse, say, strings, timeOf } from "./dom.js";
import { Talk } from "./talk.js";
import { Wire } from "./wire.js";

const NEWS_MAX = 8;
const SHOWN_MAX = 10;
const cursors = new Map();
let talk = null;
const wires = new Map();

/** Of two sockets the worse is what is shown. */
function showWire(name, state) {
  wires.set(name, state);
  const shown = [...wires.values()].every((one) => one === "live") ? "live" : "lost";
  one("#wire").dataset.state = shown;
  one("#wire span").textContent = say(shown);
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
  new Wire("/ws/notifications/", {
    cursor: () => (cursors.size ? `after=${[...cursors].map(([topic, seq]) => `${topic}:${seq}`).join(",")}` : ""),
    frame: heard,
    state: (state) => {
      showWire("news", state);
      if (state === "live") showMoney(); // Also what moved while there was no connection.
    },
    ended: () => location.reload(),
  });
});

// Money: accounts, sending, and what becomes of it

function heard(frame) {
  const notices = Array.isArray(frame) ? frame : frame.kind ? [frame] : [];
  for (const notice of notices) {
    if ((cursors.get(notice.topic) ?? 0) >= notice.seq) continue;
    cursors.set(notice.topic, notice.seq);
    const { amount, currency } = notice.payload;
    const words = strings[notice.kind] ?? notice.kind.replaceAll(/[._]/g, " ");
    const shown = amount && currency ? ` · ${amount} ${currency}` : "";
    one("#notices").prepend(make("li", { "data-kind": notice.kind }, words, shown, " · ", timeOf(notice.timestamp, "short")));
  }
  for (const old of all("#notices li").slice(NEWS_MAX)) old.remove();
  if (!Array.isArray(frame) && notices.some(({ kind }) => /^(transfer|account|loan)\./.test(kind))) showMoney();
}

let showing = Promise.resolve();

/** Ask for accounts and transfers again; one after another, so that the newest answer is what stays. */
const showMoney = () => (showing = showing.then(readMoney));

async function readMoney() {
  const found = await call("GET", "/api/accounts/");
  one("#money").hidden = !found.ok;
  one("#no-money").hidden = found.ok;
  if (!found.ok) {
    one("#no-money").textContent = why(found);
    return;
  }
  const accounts = found.data.results ?? found.data;
  one("#accounts").replaceChildren(...accounts.map(accountLine));
  if (!one("#source").options.length) {
    const richest = accounts.toSorted((a, b) => Number(b.available) - Number(a.available))[0];
    for (const account of accounts) one("#source").append(make("option", { value: account.account_id, selected: account === richest }, account.account_number));
  }
  const sent = await call("GET", "/api/transfers/");
  if (!sent.ok) return;
  one("#transfers").replaceChildren(...sent.data.results.slice(0, SHOWN_MAX).map(transferLine));
  const last = sent.data.results.find((row) => row.direction === "out");
  if (!one("#bank").options.length) await offerBanks([last?.target, ...accounts].filter(Boolean));
  one("#account_number").value ||= last?.target?.account_number ?? "";
  one("#send-money").hidden = !accounts.length; // Once there is something to choose from.
}

function accountLine({ account_number, available, balance, currency, held }) {
  const waits = Number(held) ? make("span", { class: "mark pending" }, say("held_amount", { amount: money(held) })) : null;
  return make("li", { "data-account": account_number }, make("strong", {}, `${money(available ?? balance)} ${currency}`), " ", waits, make("br"), make("span", { class: "soft" }, account_number));
}

function transferLine(row) {
  const other = row.direction === "in" ? row.source : row.target;
  const sign = row.direction === "in" ? "+" : row.direction === "out" ? "−" : "";
  const mark = make("span", { class: `mark ${{ posted: "good", held: "pending", voided: "bad" }[row.state] ?? ""}` }, say(`transfer_${row.state}`));
  return make("li", { "data-transfer": row.id, "data-state": row.state }, `${sign}${money(row.amount)} ${row.currency} `, mark, make("br"), make("span", { class: "soft" }, `${other?.account_number ?? ""} · `, timeOf(row.created_at, "short")));
}

/** Offer the banks that are known already, the likeliest first, and then the others. */
async function offerBanks(known) {
  const answer = await call("GET", "/api/banks/");
  const banks = new Map([...known, ...(answer.data?.results ?? [])].map(({ bank_id, bank_name }) => [bank_id, bank_name]));
  one("#bank").replaceChildren(...[...banks].map(([id, name]) => make("option", { value: id }, name)));
}

let key = crypto.randomUUID();
one("#send-money").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [form, button] = [event.target, one("button", event.target)];
  if (button.disabled) return;
  button.disabled = true;
  const body = Object.fromEntries(new FormData(form));
  let answer = await send(body);
  if (answer.status === 403 && answer.data?.code === "step_up_required") answer = await sendProven(body, answer.data);
  button.disabled = false;
  if (!answer) return; // They thought better of it: nothing was sent, and the key is still good.
  if (answer.status) key = crypto.randomUUID(); // Without an answer the same key goes out again: money moves once.
  if (answer.ok) one("#amount").value = "";
  else refuse(say("failed", { why: why(answer) }));
  showMoney();
});

const send = (body, head = {}) => call("POST", "/api/transfers/", body, { head: { "Idempotency-Key": key, ...head } });

/** A large sum asks who one is: a password makes a token for exactly this transfer, which goes out with the same key. */
async function sendProven(body, { action, parameters }) {
  const password = await askPassword();
  if (!password) return null;
  const proof = await call("POST", "/api/auth/step-up/", { action, parameters, password });
  return proof.ok ? send(body, { "X-Step-Up-Token": proof.data.token }) : proof;
}

function askPassword() {
  const dialog = one("#proof");
  const field = one("input", dialog);
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "send" ? field.value : ""), { once: true });
  });
}

// The chat

class OwnTalk extends Talk {
  drawnFile(file) {
    const fetch_it = async () => {
      const answer = await fetchFile(`${this.api}/attachments/${file.id}/`);
      if (!answer) return refuse(say("failed", { why: file.name }));
      const address = URL.createObjectURL(answer);
      make("a", { href: address, download: file.name }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
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
    state: (state) => showWire("chat", state),
    people() {},
    typing: (name) => (one("#typing").textContent = name ? say("typing", { name }) : ""),
    held() {},
    ended: (code) => {
      wires.delete("chat");
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
