// A part of a page that is loaded anew keeps what the reader was doing in it: what they typed and chose, what they had
// unfolded, and where they were. Only while it is about the same thing: another chat's card begins empty.

import { all } from "./dom.js";

const kept = new WeakMap();
const paths = new WeakMap();

const FIELDS = "textarea[id], select[id], input[id]:not([type=hidden])";

function isChanged(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return [...field.options].some((option) => option.selected !== option.defaultSelected);
  return field.value !== field.defaultValue;
}

const boxes = (part) => all("input[type=checkbox]:not([id])", part);
const nameOf = (box) => `${box.name}=${box.value}`;

function doings(part) {
  const here = part.contains(document.activeElement) ? document.activeElement : null;
  return {
    values: all(FIELDS, part).filter(isChanged).map((field) => [field.id, field.value, field.checked]),
    boxes: boxes(part).filter(isChanged).map((box) => [nameOf(box), box.checked]),
    open: all("details[open] > summary", part).map((summary) => summary.textContent),
    focus: here && (here.id ? `#${CSS.escape(here.id)}` : here.dataset.openChat ? `[data-open-chat="${here.dataset.openChat}"]` : null),
    selection: here && "selectionStart" in here ? here.selectionStart : null,
  };
}

function restore(part, before) {
  for (const [id, value, checked] of before.values) {
    const field = part.querySelector(`#${CSS.escape(id)}`);
    if (!field) continue;
    if (typeof checked === "boolean" && field.type === "checkbox") field.checked = checked;
    else field.value = value;
  }
  for (const [name, checked] of before.boxes) for (const box of boxes(part)) if (nameOf(box) === name) box.checked = checked;
  for (const summary of all("summary", part)) if (before.open.includes(summary.textContent)) summary.parentElement.open = true;
  const focus = before.focus && part.querySelector(before.focus);
  if (!focus) return;
  focus.focus({ preventScroll: true });
  if (before.selection !== null && focus.type !== "number") focus.setSelectionRange?.(before.selection, before.selection);
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const last = paths.get(detail.target) ?? detail.target.dataset.liveUrl ?? detail.pathInfo.requestPath;
  if (last === detail.pathInfo.requestPath) kept.set(detail.target, doings(detail.target));
  else kept.delete(detail.target);
});
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  paths.set(detail.target, detail.pathInfo.requestPath);
  const before = kept.get(detail.target);
  if (before) restore(detail.target, before);
});

/** What was sent is not kept. */
export const forget = (form) => form.reset();
