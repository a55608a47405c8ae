// What the loan model says about a loan that might be asked for, and why.

import { call, why } from "./api.js";
import { make, one, refuse, say } from "./dom.js";

one("#predict")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const body = { account: form.dataset.account, reasons: true, ...Object.fromEntries(new FormData(form)) };
  const answer = await call("POST", "/api/loan/predict/", body);
  if (!answer.ok) return refuse(say("failed", { why: why(answer) }));
  const { probability, risk_band, reasons, outside } = answer.data;
  const lines = reasons.map(({ effect, words }) => make("li", {}, `${effect < 0 ? "▼" : "▲"} ${words}`));
  one("#prediction").replaceChildren(make("p", {}, make("span", { class: `mark ${risk_band.toLowerCase()}` }, say(`risk_${risk_band}`)), ` ${say("chance", { percent: (probability * 100).toFixed(1) })}`), make("ul", { class: "plainlist" }, ...lines), ...(outside.length ? [make("p", { class: "soft" }, outside.join(", "))] : []));
});
