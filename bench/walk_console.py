"""A walk through the staff console in a real browser, with pictures: `python -m bench.walk_console` beside `make run`.

Takes the demo accounts of `var/demo.json`. Somebody registers and sends a passport, the demo customer asks something,
so that there is something to decide and to answer. Each page is taken at 1280 px and on a phone, in light and dark
(`<look>-<page>.png` in `--to`); those that the documents show go to `--docs` as well. Fails at the first page that
answers with an error or complains in the browser's own console.
"""

import argparse
import io
import json
import shutil
import uuid
from pathlib import Path

import requests
from PIL import Image, ImageDraw

from backend.console.tests.browsers import launched
from bench.client import call, sign_in
from bench.demo import newcomer
from bench.walk import ROOT, Walk

WIDE, PHONE = {"viewport": {"width": 1280, "height": 800}}, {"viewport": {"width": 390, "height": 800}}
LOOKS = {
    "light": {**WIDE, "color_scheme": "light"},
    "dark": {**WIDE, "color_scheme": "dark"},
    "phone-light": {**PHONE, "color_scheme": "light", "has_touch": True},
    "phone-dark": {**PHONE, "color_scheme": "dark", "has_touch": True},
}
# Of other looks than the first the documents show these alone.
SHOWN_TOO = {
    "dark-console-team": "console-team-dark",
    "phone-dark-console-inbox": "console-phone-list",
    "phone-dark-console-chat": "console-phone-chat",
    "phone-light-console-lending-application": "console-phone-lending",
    "phone-light-demo": "demo-phone",
}


class Tour(Walk):
    """One person's walk in one look."""

    def __init__(self, page, url, folder, look, docs):
        super().__init__(page, url, folder)
        self.look, self.docs = look, docs

    def take(self, name):
        self.page.wait_for_timeout(400)
        self.shoot(f"{self.look}-{name}")
        shown = name if self.look == "light" else SHOWN_TOO.get(f"{self.look}-{name}")
        if shown:
            shutil.copy(self.folder / f"{self.look}-{name}.png", self.docs / f"{shown}.png")

    def see(self, name, path="", press=""):
        if path:
            self.open(path)
        if press:
            self.press(press)
        self.take(name)


class Guide:
    """Opens tours: somebody, signed in by the form, in each look in turn."""

    def __init__(self, browser, demo, folder, docs):
        self.browser, self.demo, self.folder, self.docs = browser, demo, folder, docs
        self.tours, self.faults = [], []

    def send_home(self):
        """Close what is open, and keep what went wrong."""
        for tour in self.tours:
            tour.page.context.close()
            self.faults += tour.faults
        self.tours.clear()

    def visitor(self, look):
        context = self.browser.new_context(**LOOKS[look])
        tour = Tour(context.new_page(), self.demo["base_url"], self.folder, look, self.docs)
        self.tours.append(tour)
        return tour

    def staff(self, look, role):
        tour, account = self.visitor(look), self.demo["accounts"][role]
        tour.open("/console/sign-in/")
        if role == "agent":
            tour.take("console-sign-in")
        tour.page.fill("#email", account["email"])
        tour.page.fill("#password", account["password"])
        tour.page.click("button.button")
        tour.page.wait_for_selector('#wire[data-state="live"]')
        return tour


def ask(base_url, customer):
    """Have the demo customer ask something."""
    token = sign_in(base_url, customer["email"], customer["password"])
    _, chat = call(base_url, "POST", "/api/chats/get-or-create/", None, token)
    for text in ("Good morning! My transfer has been waiting since yesterday.", "It is the rent, and due tomorrow."):
        call(base_url, "POST", f"/api/chats/{chat['chat_id']}/messages/", {"message": text}, token)
    return chat["chat_id"]


def send_papers(base_url):
    """Have somebody register and send two documents, drawn here."""
    _, token = newcomer(base_url)
    for kind, title in (("PASSPORT", "PASSPORT"), ("UTILITY_BILL", "HARBOUR WATER")):
        sheet = Image.new("RGB", (900, 620), "#e9eef2")
        pen = ImageDraw.Draw(sheet)
        pen.rectangle((30, 30, 870, 590), outline="#14616f", width=6)
        pen.rectangle((70, 150, 300, 450), fill="#b9c7cf")
        for at, line in enumerate((title, "NEWCOMER", "NIA", "12 APR 1991", "SPECIMEN")):
            pen.text((350, 150 + 70 * at), line, fill="#17212b", font_size=40)
        data = io.BytesIO()
        sheet.save(data, "PNG")
        requests.post(
            f"{base_url}/api/kyc/upload/",
            headers={"Authorization": f"Bearer {token}"},
            data={"document_type": kind, "document_number": uuid.uuid4().hex[:12]},
            files={"document_file": (f"{kind.lower()}.png", data.getvalue(), "image/png")},
            timeout=30,
        ).raise_for_status()


def walk_inbox(guide, look, chat_id):
    agent = guide.staff(look, "agent")
    agent.see("console-inbox", "/console/inbox/")
    agent.open(f"/console/inbox/{chat_id}/")
    if agent.page.locator("#take:not([hidden])").count():
        agent.page.click("#take button")
    agent.page.wait_for_selector("#events .said")
    if look == "light":
        agent.page.fill("#text", "Good morning. Let me look at that for you.")
        agent.page.press("#text", "Enter")
        agent.page.wait_for_selector("#events .said.mine")
        agent.page.check("#is-note")
        agent.page.fill("#text", "It is held; the fraud desk has the alert.")
        agent.page.press("#text", "Enter")
        agent.page.wait_for_selector("#events .said.note")
        agent.page.uncheck("#is-note")
    agent.page.wait_for_timeout(800)
    agent.take("console-chat")
    if agent.page.locator("#card-open:visible").count():
        agent.see("console-card", press="#card-open")
    agent.page.click("#help-open")
    agent.take("console-keys")


def walk_desks(guide, look):
    admin = guide.staff(look, "bank_admin")
    admin.see("console-kyc", "/console/kyc/")
    admin.press("table a >> nth=0")
    admin.page.click("#look button")
    admin.page.wait_for_timeout(1500)
    admin.take("console-kyc-case")
    admin.see("console-fraud", "/console/fraud/")
    admin.see("console-fraud-alert", press="table a >> nth=0")
    admin.see("console-fraud-rules", "/console/fraud/rules/")
    admin.open("/console/fraud/rules/1/")
    admin.press("#try button")
    admin.page.wait_for_selector("#run .mark.good")
    admin.take("console-fraud-rule-set")
    admin.see("console-lending", "/console/lending/")
    admin.see("console-lending-application", press="table a >> nth=0")
    admin.see("console-lending-loan", "/console/lending/", press="table >> nth=1 >> a >> nth=0")


def walk_books(guide, look):
    manager = guide.staff(look, "manager")
    manager.open("/console/banking/")
    manager.see("console-banking")
    manager.see("console-accounts", press="main >> text=Accounts")
    manager.press("main >> text=Carla >> nth=1 >> xpath=.. >> a")
    manager.page.click("#predict button")
    manager.page.wait_for_selector("#prediction li")
    manager.take("console-account")
    manager.see("console-statement", press="main >> text=Statement")
    auditor = guide.staff(look, "auditor")
    auditor.open("/console/audit/")
    auditor.press("text=Verify the next stretch")
    auditor.press(".trail button >> nth=0")
    auditor.take("console-audit")
    chief = guide.staff(look, "superuser")
    chief.see("console-team", "/console/team/")


def walk_demo(guide, look):
    phone = guide.visitor(look)
    phone.see("demo-door", "/demo/")
    phone.page.fill("#password", guide.demo["accounts"]["customer"]["password"])
    phone.press("#door button")
    phone.page.wait_for_selector("#transfers li")
    phone.page.click("#open-chat")
    phone.page.wait_for_selector("#events .said")
    phone.page.wait_for_timeout(700)
    phone.take("demo")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo", type=Path, default=ROOT / "var" / "demo.json")
    parser.add_argument("--to", type=Path, default=ROOT / "var" / "walk")
    parser.add_argument("--docs", type=Path, default=ROOT / "backend" / "docs" / "screenshots")
    given = parser.parse_args()
    demo = json.loads(given.demo.read_text())
    given.to.mkdir(parents=True, exist_ok=True)
    with launched() as browser:
        guide = Guide(browser, demo, given.to, given.docs)
        send_papers(demo["base_url"])
        chat_id = ask(demo["base_url"], demo["accounts"]["customer"])
        for look in LOOKS:
            walk_inbox(guide, look, chat_id)
            walk_desks(guide, look)
            walk_books(guide, look)
            walk_demo(guide, look)
            guide.send_home()
    print(f"{len(list(given.to.glob('*.png')))} pictures are in {given.to}; those of the documents are renewed")
    if guide.faults:
        raise SystemExit("\n".join(dict.fromkeys(guide.faults)))


if __name__ == "__main__":
    main()
