// A WebSocket that comes back by itself, says how it is, and never pretends to be alive.
//
// A ping every 3 s; when nothing at all was heard for 7 s the path is dead: that is shown, and a new one is tried at
// once. `cursor()` is asked at each connection, so exactly what was missed comes first.

import { protocols, renew } from "./api.js";

const PING_MS = 3000;
const DEAF_MS = 7000;
const WAIT_MS = [300, 1000, 2000, 4000];
const FINAL = new Set([4005, 4006, 4010]);

export class Wire {
  constructor(path, { cursor = () => "", frame, state, ended = () => {} }) {
    Object.assign(this, { path, cursor, frame, state, ended });
    this.tries = 0;
    this.wanted = true;
    this.live = false;
    this.wake = () => this.retry();
    addEventListener("online", this.wake);
    addEventListener("offline", () => this.wanted && this.live && this.lose());
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    const query = this.cursor();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = (this.socket = new WebSocket(`${scheme}://${location.host}${this.path}${query ? `?${query}` : ""}`, protocols()));
    this.heard = Date.now();
    clearInterval(this.beat);
    this.beat = setInterval(() => this.check(), PING_MS);
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.heard = Date.now();
      if (!this.live) {
        this.live = true;
        this.state("live", this.tries > 0 || this.was);
        this.was = true;
        this.tries = 0;
      }
      this.frame(JSON.parse(event.data));
    };
    socket.onclose = (event) => socket === this.socket && this.closed(event.code);
  }

  check() {
    if (Date.now() - this.heard > DEAF_MS) {
      this.lose();
      const dead = this.socket;
      this.socket = null;
      dead?.close();
      this.again();
    } else this.send({ type: "ping" });
  }

  async closed(code) {
    clearInterval(this.beat);
    this.live = false;
    if (!this.wanted) return;
    if (FINAL.has(code)) {
      this.stop();
      this.ended(code);
      return;
    }
    this.lose();
    if (code === 4001 && !(await renew()) && navigator.onLine) {
      this.refusals = (this.refusals ?? 0) + 1;
      if (this.refusals > 1) {
        this.stop();
        this.ended(4001);
        return;
      }
    }
    this.again(code === 4012 ? 0 : undefined);
  }

  lose() {
    this.live = false;
    this.state("lost");
  }

  again(delay = WAIT_MS[Math.min(this.tries, WAIT_MS.length - 1)] * (0.7 + Math.random() * 0.6)) {
    this.tries += 1;
    clearInterval(this.beat);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.wanted && this.open(), delay);
  }

  retry() {
    if (this.wanted && !this.live) this.again(0);
  }

  /** Send now; false when there is no live connection. */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  stop() {
    this.wanted = false;
    clearInterval(this.beat);
    clearTimeout(this.timer);
    removeEventListener("online", this.wake);
    this.socket?.close();
  }
}
