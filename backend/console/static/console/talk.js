// One conversation: its socket, what was said, who is there, and what is on its way.
//
// Events are kept by `seq` (notes by `desk_seq`), so whatever comes twice is shown once. What one sends has a
// `client_id` of its own and stays pending until the server has it; after a reconnect it is sent again under the same.

import { call, why } from "./api.js";
import { all, make, me, one, refuse, say, timeOf, when } from "./dom.js";
import { Wire } from "./wire.js";

const PAGE = 50;
const READ_EVERY_MS = 300;
const AT_END_PX = 60;

export class Talk {
  /** `parts` are the elements: history, events, pending, edge, seen, newer; `on` is told of state, ended, held. */
  constructor(id, parts, on, { staff = true } = {}) {
    Object.assign(this, { id, parts, on, staff });
    this.seq = this.desk_seq = 0;
    this.first = null;
    this.shown = new Map();
    this.pending = new Map();
    this.reads = new Map();
    this.people = new Map();
    this.open = true;
    this.api = `/api/chats/${id}`;
    for (const name of ["events", "pending"]) parts[name].replaceChildren();
    for (const name of ["edge", "seen"]) parts[name].textContent = "";
    parts.newer.hidden = true;
    this.scroller = () => this.scrolled();
    parts.history.addEventListener("scroll", this.scroller, { passive: true });
    this.looker = () => document.hidden || this.markRead();
    document.addEventListener("visibilitychange", this.looker);
    this.wire = new Wire(this.path(), {
      cursor: () => this.cursor(),
      frame: (frame) => this.heard(frame),
      state: (state, back) => this.wired(state, back),
      ended: (code) => this.ended(code),
    });
    call("GET", `${this.api}/`).then(({ ok, data }) => {
      if (!ok || !this.open) return;
      for (const [user, seq] of Object.entries(data.read_positions)) this.reads.set(Number(user), seq);
      this.showSeen();
    });
  }

  path() {
    return `/ws/support/chat/${this.id}/`;
  }

  cursor() {
    return this.first === null ? "" : `after=${this.seq}&desk_after=${this.desk_seq}`;
  }

  close() {
    this.open = false;
    this.wire.stop();
    this.parts.history.removeEventListener("scroll", this.scroller);
    document.removeEventListener("visibilitychange", this.looker);
    clearTimeout(this.reading);
  }

  wired(state, back) {
    this.on.state(state, back);
    if (state !== "live") {
      this.people.clear();
      this.on.people(this.people);
      this.showPending();
    }
  }

  ended(code) {
    this.on.ended(code);
  }

  // In

  heard(frame) {
    if (Array.isArray(frame)) this.replayed(frame);
    else if (frame.type === "message" || frame.type === "chat" || frame.type === "note") this.arrived(frame);
    else if (frame.type === "ack") this.settle(frame.client_id);
    else if (frame.type === "error") this.refused(frame);
    else if (frame.type === "typing") this.typing(frame);
    else if (frame.type === "presence") {
      if (frame.state === "online") this.people.set(frame.user_id, frame.user);
      else this.people.delete(frame.user_id);
      this.on.people(this.people);
    } else if (frame.type === "read") {
      this.reads.set(frame.user_id, Math.max(frame.seq, this.reads.get(frame.user_id) ?? 0));
      this.showSeen();
    } else if (frame.type === "reset") this.reset(frame);
    else if (frame.type === "pong" && frame.head > this.seq) this.wire.send({ type: "resume", after: this.seq });
  }

  replayed(events) {
    const is_first = this.first === null;
    const stay = is_first || this.atEnd();
    for (const event of events) this.add(event);
    if (is_first) this.first = Math.min(...events.filter((one) => one.seq).map((one) => one.seq), this.seq + 1);
    this.showEdge();
    this.resend();
    if (stay) this.toEnd();
    this.markRead();
    this.on.counted?.(events);
  }

  arrived(event) {
    const stay = this.atEnd() || event.user_id === me;
    if (!this.add(event, true)) return;
    this.on.event?.(event);
    if (stay) this.toEnd();
    else this.parts.newer.hidden = false;
    this.markRead();
  }

  reset(frame) {
    if (frame.desk) {
      this.desk_seq = frame.head;
      return;
    }
    this.seq = frame.head;
  }

  /** Show an event in its place; false when it is shown already. */
  add(event, fresh = false) {
    const key = event.type === "note" ? `n${event.desk_seq}` : event.seq;
    if (this.shown.has(key)) return false;
    if (event.type === "note") this.desk_seq = Math.max(this.desk_seq, event.desk_seq);
    else this.seq = Math.max(this.seq, event.seq);
    const element = this.drawn(event);
    if (fresh) element.classList.add("fresh");
    this.shown.set(key, element);
    if (event.client_id && event.user_id === me) this.settle(event.client_id);
    this.insert(element, event.timestamp);
    if (event.target) this.fetchAgain(event.target);
    this.showSeen();
    return true;
  }

  insert(element, timestamp) {
    element.dataset.at = timestamp;
    const list = this.parts.events;
    let after = list.lastElementChild;
    while (after && after.dataset.at > timestamp) after = after.previousElementSibling;
    if (after) after.after(element);
    else list.prepend(element);
  }

  drawn(event) {
    if (event.type === "chat" || event.fact)
      return make("li", { class: "said fact" }, event.message, " · ", timeOf(event.timestamp, "short"));
    const mine = event.user_id === me;
    const note = event.type === "note";
    const element = make("li", { class: `said ${note ? "note" : event.role} ${mine ? "mine" : ""}`, "data-id": event.id });
    if (event.seq) element.dataset.seq = event.seq;
    this.fill(element, event);
    return element;
  }

  fill(element, event) {
    const mine = event.user_id === me;
    const who = event.type === "note" ? `${say("note")} · ${event.user}` : mine ? say("you") : event.automatic ? `${event.user} · ${say("automatic")}` : event.user;
    const meta = make("div", { class: "meta" }, make("span", {}, who), make("span", {}, event.edited_at ? `${say("edited")} · ` : "", timeOf(event.timestamp, "short")));
    element.classList.toggle("withdrawn", Boolean(event.withdrawn_at));
    const text = event.withdrawn_at ? say("withdrawn") : event.message;
    element.replaceChildren(meta, make("p", { class: "text" }, text));
    for (const file of event.withdrawn_at ? [] : (event.attachments ?? [])) element.append(this.drawnFile(file));
    if (mine && event.type === "message" && !event.withdrawn_at && Date.now() - Date.parse(event.timestamp) < 14 * 60000) element.append(this.acts(element, event));
  }

  drawnFile(file) {
    const address = `${this.api}/attachments/${file.id}/`;
    if (!file.content_type.startsWith("image/")) return make("a", { class: "file", href: address, download: file.name }, `📎 ${file.name}`);
    const size = file.width ? { width: file.width, height: file.height } : {};
    const picture = make("img", { src: address, alt: file.name, loading: "lazy", ...size });
    picture.addEventListener("load", () => this.near && this.toEnd());
    return make("a", { href: address, download: file.name }, picture);
  }

  acts(element, event) {
    const edit = async () => {
      const text = prompt(say("edit"), event.message);
      if (text === null || text === event.message) return;
      this.shownAgain(element, await call("PATCH", `${this.api}/messages/${event.id}/`, { message: text }));
    };
    const withdraw = async () => this.shownAgain(element, await call("DELETE", `${this.api}/messages/${event.id}/`));
    return make("div", { class: "acts" }, make("button", { type: "button", class: "plain", onclick: edit }, say("edit")), make("button", { type: "button", class: "plain", onclick: withdraw }, say("withdraw")));
  }

  shownAgain(element, answer) {
    if (answer.ok) this.fill(element, answer.data);
    else refuse(say("failed", { why: why(answer) }));
  }

  async fetchAgain(id) {
    const element = one(`[data-id="${CSS.escape(id)}"]`, this.parts.events);
    if (!element) return;
    const answer = await call("GET", `${this.api}/messages/${id}/`);
    if (answer.ok) this.fill(element, answer.data);
  }

  // Upwards

  async scrolled() {
    this.near = this.atEnd();
    if (this.near) {
      this.parts.newer.hidden = true;
      this.markRead();
    }
    if (this.parts.history.scrollTop > 120 || this.loading || this.first === null || this.first <= 1) return;
    this.loading = true;
    this.parts.edge.textContent = say("loading");
    const after = Math.max(0, this.first - 1 - PAGE);
    const answer = await call("GET", `${this.api}/messages/?after=${after}&limit=${Math.min(PAGE, this.first - 1)}`);
    this.loading = false;
    if (!answer.ok || !this.open) return this.showEdge();
    const history = this.parts.history;
    const below = history.scrollHeight - history.scrollTop;
    for (const event of answer.data.results) this.add(event);
    this.first = after + 1;
    this.showEdge();
    history.scrollTop = history.scrollHeight - below;
  }

  showEdge() {
    this.parts.edge.textContent = this.first !== null && this.first <= 1 ? say("beginning") : "";
  }

  atEnd() {
    const history = this.parts.history;
    return history.scrollHeight - history.scrollTop - history.clientHeight < AT_END_PX;
  }

  toEnd() {
    this.parts.history.scrollTop = this.parts.history.scrollHeight;
    this.parts.newer.hidden = true;
    this.near = true;
  }

  // Reading

  markRead() {
    if (this.reading || document.hidden || !this.atEnd() || (this.reads.get(me) ?? 0) >= this.seq) return;
    this.reading = setTimeout(() => {
      this.reading = null;
      if (!this.open || document.hidden || !this.atEnd() || (this.reads.get(me) ?? 0) >= this.seq) return;
      if (this.wire.live && this.wire.send({ type: "read", seq: this.seq })) {
        this.reads.set(me, this.seq);
        this.on.read?.(this.seq);
      }
    }, READ_EVERY_MS);
  }

  showSeen() {
    const others = [...this.reads].filter(([user]) => user !== me).map(([, seq]) => seq);
    const mine = all(".said.mine[data-seq]", this.parts.events).at(-1);
    const last = all(".said[data-seq]", this.parts.events).at(-1);
    const seen = mine && mine === last && Math.max(0, ...others) >= Number(mine.dataset.seq);
    this.parts.seen.textContent = seen ? `✓ ${say("seen")}` : "";
  }

  typing(frame) {
    clearTimeout(this.typist);
    this.on.typing(frame.state === "started" ? frame.user : "");
    if (frame.state === "started") this.typist = setTimeout(() => this.on.typing(""), (frame.expires_in ?? 6) * 1000);
  }

  sayTyping() {
    const now = Date.now();
    if (now - (this.typed ?? 0) < 2000) return;
    this.typed = now;
    this.wire.send({ type: "typing" });
  }

  // Out

  /** Take something to send: shown at once as pending, sent now or when the connection is back. */
  take({ message, attachments = [], note = false }) {
    const sent = { client_id: crypto.randomUUID(), message, attachments: attachments.map((file) => file.id), files: attachments, note, expected_seq: this.seq, state: "sending" };
    this.pending.set(sent.client_id, sent);
    this.deliver(sent);
    this.showPending();
    this.toEnd();
    return sent.client_id;
  }

  async deliver(sent) {
    if (sent.note) return this.deliverNote(sent);
    const frame = { message: sent.message, client_id: sent.client_id };
    if (sent.attachments.length) frame.attachments = sent.attachments;
    if (this.staff && sent.expected_seq !== null) frame.expected_seq = sent.expected_seq;
    sent.state = this.wire.live && this.wire.send(frame) ? "sending" : "waiting";
  }

  async deliverNote(sent) {
    const answer = await call("POST", `${this.api}/notes/`, { message: sent.message, client_id: sent.client_id });
    if (answer.ok) return this.settle(sent.client_id);
    sent.state = answer.status ? "failed" : "waiting";
    sent.why = why(answer);
    this.showPending();
  }

  resend() {
    for (const sent of this.pending.values()) if (sent.state === "sending" || sent.state === "waiting") this.deliver(sent);
    this.showPending();
  }

  settle(client_id) {
    if (this.pending.delete(client_id)) {
      this.showPending();
      this.on.settled?.(client_id);
    }
  }

  refused(frame) {
    const sent = frame.client_id && this.pending.get(frame.client_id);
    if (!sent) {
      if (frame.code !== "unknown_type") refuse(say("failed", { why: frame.detail }));
      return;
    }
    if (frame.code === "chat.answered_meanwhile") {
      for (const event of frame.missed) this.add(event, true);
      sent.state = "held";
      this.toEnd();
      const answer = frame.missed.filter((event) => event.type === "message" && event.role === "agent" && event.user_id !== me).at(-1);
      this.on.held(sent, answer?.user ?? "");
    } else {
      sent.state = "failed";
      sent.why = frame.detail;
    }
    this.showPending();
  }

  /** What was held back: sent all the same, having seen what is there now. */
  sendHeld(client_id) {
    const sent = this.pending.get(client_id);
    if (!sent) return;
    sent.expected_seq = this.seq;
    sent.state = "sending";
    this.deliver(sent);
    this.showPending();
  }

  drop(client_id) {
    const sent = this.pending.get(client_id);
    this.pending.delete(client_id);
    this.showPending();
    return sent;
  }

  showPending() {
    const lines = [...this.pending.values()].map((sent) => {
      const state = { sending: say("sending"), waiting: say("waiting"), held: "", failed: say("not_sent", { why: sent.why ?? "" }) }[sent.state];
      const files = sent.files.map((file) => make("span", { class: "file" }, `📎 ${file.name}`));
      const acts = make("div", { class: "acts stay" });
      if (sent.state === "failed") {
        const again = () => ((sent.state = "sending"), this.deliver(sent), this.showPending());
        acts.append(make("button", { type: "button", class: "plain", onclick: again }, say("again")), make("button", { type: "button", class: "plain", onclick: () => this.drop(sent.client_id) }, say("discard")));
      }
      return make("li", { class: `said mine unsent ${sent.note ? "note" : "agent"} ${sent.state}`, "data-client": sent.client_id }, make("p", { class: "text" }, sent.message), ...files, make("div", { class: "meta" }, state), acts);
    });
    this.parts.pending.replaceChildren(...lines);
  }
}

export { when };
