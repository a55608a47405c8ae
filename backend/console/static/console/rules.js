// The rules as fields: a draft is edited number by number, tried on the last 30 days, and saved as a whole.

import { call, why } from "./api.js";
import { all, make, one, refuse, say } from "./dom.js";

const form = one("#rules");
const rules = JSON.parse(one("#rules-data").textContent);
const fixed = "fixed" in form.dataset;
let revision = Number(form.dataset.revision);

const words = JSON.parse(one("#rule-words").textContent);

const spoken = (name) => words[name] ?? String(name).replaceAll("_", " ");

/** Draw a part of the document; its fields write straight back into it. */
function drawn(value, key, owner, path) {
  if (value !== null && typeof value === "object") {
    const entries = Array.isArray(value) ? value.map((item, at) => [at, item]) : Object.entries(value);
    const legend = typeof key === "number" ? say("step", { n: key + 1 }) : spoken(key);
    return make("fieldset", { class: path.length === 1 ? "rule" : "part" }, make("legend", {}, legend), ...entries.map(([name, item]) => drawn(item, name, value, [...path, name])));
  }
  const id = `f-${path.join("-")}`.replaceAll("*", "all");
  const field = make("input", { id, type: typeof value === "number" ? "number" : "text", inputmode: "decimal", value: String(value), disabled: fixed });
  field.addEventListener("input", () => (owner[key] = typeof value === "number" ? Number(field.value) : field.value));
  return make("div", { class: "field" }, make("label", { for: id }, spoken(key)), field);
}
one("#rules-fields").append(...Object.entries(rules).map(([name, rule]) => drawn(rule, name, rules, [name])));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await call("PATCH", form.dataset.path, { revision, rules, note: form.dataset.note });
  if (!answer.ok) return refuse(say("failed", { why: why(answer) }));
  revision = answer.data.revision;
  for (const field of all('input[name="revision"]')) field.value = revision;
  refuse(say("done"));
});

// Dry runs

const place = one("#run");
const COUNTS = ["seen", "newly_held", "no_longer_held", "newly_alerted", "cleared", "unchanged", "held", "alerted"];

function show(run) {
  const counts = COUNTS.filter((name) => name in run.counts).map((name) => make("tr", {}, make("th", { scope: "row" }, spoken(name)), make("td", { class: "number" }, String(run.counts[name]))));
  const samples = run.samples.slice(0, 20).map((sample) => make("li", {}, make("strong", {}, spoken(sample.change)), ` ${sample.amount} ${sample.currency} · ${sample.score_before} → ${sample.score}`, make("br"), make("span", { class: "soft" }, sample.reasons.join("; "))));
  place.replaceChildren(make("p", {}, make("span", { class: `mark ${run.state === "DONE" ? "good" : "pending"}` }, spoken(run.state))), make("table", {}, make("tbody", {}, ...counts)), make("ul", { class: "plainlist" }, ...samples));
}

async function follow(id) {
  const answer = await call("GET", `/api/fraud/dry-runs/${id}/`);
  if (!answer.ok) return refuse(say("failed", { why: why(answer) }));
  show(answer.data);
  if (answer.data.state === "RUNNING") setTimeout(() => follow(id), 1000);
}

one("#try")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await call("POST", event.target.dataset.path);
  if (answer.ok) follow(answer.data.id);
  else refuse(say("failed", { why: why(answer) }));
});
for (const button of all("[data-run]")) button.addEventListener("click", () => follow(button.dataset.run));
