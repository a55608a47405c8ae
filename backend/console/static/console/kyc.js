// Documents side by side: each is shown once the reviewer has said why, and every look is kept.

import { all, make, one, say, writeTimes } from "./dom.js";

one("#look")?.addEventListener("submit", (event) => {
  event.preventDefault();
  const reason = encodeURIComponent(one("#look-reason").value.trim());
  for (const figure of all("[data-document]")) {
    const path = `/api/admin/kyc/documents/${figure.dataset.document}`;
    const name = one("strong", figure).textContent;
    const whole = make("a", { class: "plain", href: `${path}/content/?reason=${reason}`, download: "" }, "↓");
    whole.setAttribute("aria-label", `${name} ↓`);
    const sheet = one(".sheet", figure);
    if (figure.dataset.type.startsWith("image/")) {
      const picture = make("img", { src: `${path}/preview/?reason=${reason}`, alt: name, tabindex: "0", class: "scan" });
      picture.addEventListener("click", () => picture.classList.toggle("large"));
      picture.addEventListener("keydown", (pressed) => pressed.key === "Enter" && picture.classList.toggle("large"));
      picture.addEventListener("error", () => sheet.replaceChildren(make("p", { class: "refusal" }, say("failed", { why: name }))));
      sheet.replaceChildren(picture, whole);
    } else sheet.replaceChildren(make("p", {}, figure.dataset.type), whole);
  }
});
writeTimes();
