// Building pages from text: nothing that anybody wrote is ever taken for HTML.

export const strings = JSON.parse(document.getElementById("strings")?.textContent ?? "{}");
export let me = Number(document.body.dataset.me ?? 0);

/** An app learns who it is by signing in, after it was loaded. */
export const become = (id) => (me = id);

export const one = (selector, within = document) => within.querySelector(selector);
export const all = (selector, within = document) => [...within.querySelectorAll(selector)];

/** Make an element. Children that are strings become text. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Return one of the page's words, with `%(name)s` filled in. */
export function say(key, facts = {}) {
  return (strings[key] ?? key).replace(/%\((\w+)\)s/g, (_, name) => facts[name] ?? "");
}

export function badge(element, count, most = 99) {
  if (!element) return;
  element.textContent = count > most ? `${most}+` : String(count);
  element.hidden = !count;
}

const SHAPES = {
  time: new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }),
  day: new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }),
  full: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
  exact: new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" }),
};
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Return a moment in the reader's own zone. `short` is the time today, else the day. */
export function when(iso, shape = "full") {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return "";
  if (shape === "short") shape = moment.toDateString() === new Date().toDateString() ? "time" : "day";
  return SHAPES[shape].format(moment);
}

/** Write every `<time data-when>` in the reader's zone. */
export function writeTimes(within = document) {
  for (const time of all("time[data-when]", within)) {
    const shown = when(time.dateTime, time.dataset.when);
    if (!shown) continue;
    time.textContent = shown;
    time.title = SHAPES.exact.format(new Date(time.dateTime));
  }
}

export function timeOf(iso, shape) {
  return make("time", { datetime: iso, title: SHAPES.exact.format(new Date(iso)) }, when(iso, shape));
}

const AMOUNT = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** Write an amount that came as a string, as the reader writes numbers. Shown only: nothing is reckoned with it. */
export const money = (text) => AMOUNT.format(text);

/** Say what went wrong, for some seconds. */
export function refuse(words) {
  const place = one("#refusals");
  if (!place) return;
  const line = make("p", { class: "refusal" }, words);
  place.replaceChildren(line);
  setTimeout(() => line.remove(), 8000);
}
