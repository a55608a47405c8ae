// Writing: the text, files with it, notes, and replies kept ready behind `/`.

import { call, why } from "./api.js";
import { make, one, refuse, say } from "./dom.js";

const FILE_MAX = 10 * 1024 * 1024;

export class Composer {
  /** `talk()` is the open conversation, or null. */
  constructor(form, talk) {
    Object.assign(this, { form, talk });
    this.text = one("#text", form);
    this.note = one("#is-note", form);
    this.list = one("#files", form);
    this.canned = one("#canned", form);
    this.held = one("#held", form);
    this.files = [];
    this.drafts = new Map();
    this.choices = [];
    form.addEventListener("submit", (event) => (event.preventDefault(), this.send()));
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("input", () => this.typed());
    this.text.addEventListener("paste", (event) => this.attach(event.clipboardData?.files));
    form.addEventListener("dragover", (event) => event.preventDefault());
    form.addEventListener("drop", (event) => (event.preventDefault(), this.attach(event.dataTransfer?.files)));
    one("#file", form).addEventListener("change", ({ target }) => (this.attach(target.files), (target.value = "")));
    this.held.addEventListener("click", (event) => this.decideHeld(event.target.dataset.held));
  }

  /** Another conversation is open now: its draft comes, the other one's is kept. */
  enter(id) {
    if (this.id) this.drafts.set(this.id, { text: this.text.value, files: this.files, note: this.note.checked });
    this.id = id;
    const draft = this.drafts.get(id) ?? { text: "", files: [], note: false };
    this.text.value = draft.text;
    this.files = draft.files;
    this.note.checked = draft.note;
    this.held.hidden = true;
    this.hideChoices();
    this.showFiles();
  }

  send() {
    const talk = this.talk();
    const message = this.text.value;
    if (!talk || (!message.trim() && !this.files.length)) return;
    if (this.files.some((file) => !file.id)) return;
    if (this.note.checked && this.files.length) return refuse(say("note_without_files"));
    talk.take({ message: message.trim() ? message : "", attachments: this.files, note: this.note.checked });
    this.text.value = "";
    this.files = [];
    this.showFiles();
    this.text.focus();
  }

  // What a colleague's answer held back

  hold(sent, name) {
    this.held_id = sent.client_id;
    one("p", this.held).textContent = say("meanwhile", { name });
    this.held.hidden = false;
    one('[data-held="send"]', this.held).focus();
  }

  decideHeld(choice) {
    const talk = this.talk();
    if (!choice || !talk) return;
    if (choice === "send") talk.sendHeld(this.held_id);
    else {
      const sent = talk.drop(this.held_id);
      if (choice === "edit" && sent) {
        this.text.value = sent.message;
        this.files = sent.files;
        this.showFiles();
      }
    }
    this.held.hidden = true;
    this.text.focus();
  }

  // Keys and replies kept ready

  key(event) {
    if (event.isComposing) return;
    if (!this.canned.hidden && ["ArrowDown", "ArrowUp", "Enter", "Tab", "Escape"].includes(event.key)) {
      event.preventDefault();
      if (event.key === "Escape") this.hideChoices();
      else if (event.key === "ArrowDown") this.choose(this.chosen + 1);
      else if (event.key === "ArrowUp") this.choose(this.chosen - 1);
      else this.insert(this.choices[this.chosen]);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape") this.text.blur();
  }

  typed() {
    if (this.text.value && !this.note.checked) this.talk()?.sayTyping();
    const begun = /^\/(\S{0,32})$/.exec(this.text.value);
    clearTimeout(this.looking);
    if (!begun) return this.hideChoices();
    this.looking = setTimeout(() => this.look(begun[1]), 120);
  }

  async look(shortcut) {
    const answer = await call("GET", `/api/chats/canned/?shortcut=${encodeURIComponent(shortcut)}`);
    if (!answer.ok || this.text.value !== `/${shortcut}`) return;
    this.choices = answer.data.slice(0, 20);
    const lines = this.choices.map((reply, at) => make("li", { role: "option", id: `reply-${at}`, "aria-selected": "false", onclick: () => this.insert(reply) }, make("strong", {}, `/${reply.shortcut}`), make("span", { class: "soft" }, reply.text)));
    this.canned.replaceChildren(...(lines.length ? lines : [make("li", { role: "option", "aria-selected": "false", "aria-disabled": "true" }, say("no_reply"))]));
    this.canned.hidden = false;
    this.text.setAttribute("aria-expanded", "true");
    if (lines.length) this.choose(0);
  }

  choose(at) {
    if (!this.choices.length) return;
    this.chosen = (at + this.choices.length) % this.choices.length;
    [...this.canned.children].forEach((line, number) => line.setAttribute("aria-selected", String(number === this.chosen)));
    this.text.setAttribute("aria-activedescendant", `reply-${this.chosen}`);
    this.canned.children[this.chosen].scrollIntoView({ block: "nearest" });
  }

  async insert(reply) {
    if (!reply) return this.hideChoices();
    this.hideChoices();
    const answer = await call("GET", `/api/chats/${this.id}/canned/${reply.id}/`);
    if (!answer.ok) return refuse(say("failed", { why: why(answer) }));
    this.text.value = answer.data.message;
    this.text.focus();
  }

  hideChoices() {
    clearTimeout(this.looking);
    this.choices = [];
    this.canned.hidden = true;
    this.text.setAttribute("aria-expanded", "false");
    this.text.removeAttribute("aria-activedescendant");
  }

  // Files

  attach(files) {
    for (const file of files ?? []) {
      if (this.files.length >= 5) return;
      if (file.size > FILE_MAX) refuse(say("too_big"));
      else this.upload(file, this.id);
    }
  }

  async upload(file, id) {
    const shown = { name: file.name, id: null };
    this.files.push(shown);
    this.showFiles();
    const form = new FormData();
    form.append("file", file, file.name);
    const answer = await call("POST", `/api/chats/${id}/attachments/`, form);
    if (answer.ok) shown.id = answer.data.id;
    else {
      this.files = this.files.filter((one) => one !== shown);
      refuse(say("upload_failed", { why: why(answer) }));
    }
    if (this.id === id) this.showFiles();
  }

  showFiles() {
    const drop = (file) => ((this.files = this.files.filter((one) => one !== file)), this.showFiles());
    this.list.replaceChildren(...this.files.map((file) => make("li", {}, `📎 ${file.name}${file.id ? "" : ` · ${say("loading")}`}`, make("button", { type: "button", "aria-label": `${say("remove")} ${file.name}`, onclick: () => drop(file) }, "×"))));
    one("#send", this.form).disabled = this.files.some((file) => !file.id);
  }
}
