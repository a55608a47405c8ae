"""A walk through the staff console in a real browser, with pictures: `python -m bench.walk_console` beside `make run`.

Takes the demo accounts of `var/demo.json`. Says something as the demo customer, so that there is something to answer.
Fails at the first page that answers with an error or complains in the browser's own console.
"""

import argparse
import json
from pathlib import Path

from backend.console.tests.browsers import launched
from bench.client import call, sign_in
from bench.walk import ROOT, Walk

PHONE = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark", "has_touch": True}


def enter(browser, base_url, account, folder, **options):
    """Sign in by the form; return the walker."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
    walker = Walk(context.new_page(), base_url, folder)
    walker.open("/console/sign-in/")
    walker.page.fill("#email", account["email"])
    walker.page.fill("#password", account["password"])
    walker.page.click("button.button")
    walker.page.wait_for_selector('#wire[data-state="live"]')
    return walker


def ask(base_url, customer):
    """Have the demo customer ask something."""
    token = sign_in(base_url, customer["email"], customer["password"])
    _, chat = call(base_url, "POST", "/api/chats/get-or-create/", None, token)
    for text in ("Good morning! My transfer has been waiting since yesterday.", "It is the rent, and due tomorrow."):
        call(base_url, "POST", f"/api/chats/{chat['chat_id']}/messages/", {"message": text}, token)
    return chat["chat_id"]


def walk_inbox(browser, demo, folder):
    base_url, accounts = demo["base_url"], demo["accounts"]
    agent = enter(browser, base_url, accounts["agent"], folder)
    chat_id = ask(base_url, accounts["customer"])
    agent.open(f"/console/inbox/{chat_id}/")
    if agent.page.locator("#take:not([hidden])").count():
        agent.page.click("#take button")
    agent.page.wait_for_selector("#events .said")
    agent.page.fill("#text", "Good morning. Let me look at that for you.")
    agent.page.press("#text", "Enter")
    agent.page.wait_for_selector("#events .said.mine")
    agent.page.check("#is-note")
    agent.page.fill("#text", "It is held; the fraud desk has the alert.")
    agent.page.press("#text", "Enter")
    agent.page.wait_for_selector("#events .said.note")
    agent.page.uncheck("#is-note")
    agent.page.wait_for_timeout(700)
    agent.shoot("console-inbox")
    agent.page.click("#help-open")
    agent.shoot("console-keys")
    phone = enter(browser, base_url, accounts["agent"], folder, **PHONE)
    phone.shoot("console-phone-list")
    phone.open(f"/console/inbox/{chat_id}/")
    phone.page.wait_for_selector("#events .said")
    phone.page.wait_for_timeout(500)
    phone.shoot("console-phone-chat")
    return [agent, phone]


def walk_desks(browser, demo, folder):
    base_url, accounts = demo["base_url"], demo["accounts"]
    admin = enter(browser, base_url, accounts["bank_admin"], folder)
    admin.open("/console/kyc/")
    admin.shoot("console-kyc")
    if admin.page.locator("table a").count():
        admin.press("table a >> nth=0")
        admin.page.click("#look button")
        admin.page.wait_for_timeout(1500)
        admin.shoot("console-kyc-case")
    admin.open("/console/fraud/")
    admin.shoot("console-fraud")
    if admin.page.locator("table a").count():
        admin.press("table a >> nth=0")
        admin.shoot("console-fraud-alert")
    admin.open("/console/fraud/rules/1/")
    admin.press("#try button")
    admin.page.wait_for_timeout(2000)
    admin.shoot("console-fraud-rules")
    auditor = enter(browser, base_url, accounts["auditor"], folder)
    auditor.open("/console/audit/")
    auditor.press("text=Verify the next stretch")
    auditor.press(".trail button >> nth=0")
    auditor.shoot("console-audit")
    chief = enter(browser, base_url, accounts["superuser"], folder, color_scheme="dark")
    chief.open("/console/team/")
    chief.shoot("console-team")
    manager = enter(browser, base_url, accounts["manager"], folder)
    manager.page.wait_for_load_state("networkidle")
    manager.shoot("console-banking")
    manager.press("main >> text=Accounts")
    manager.press("table a >> nth=0")
    manager.page.click("#predict button")
    manager.page.wait_for_selector("#prediction li")
    manager.shoot("console-account")
    manager.press("text=Statement")
    manager.shoot("console-statement")
    return [admin, auditor, chief, manager]


def walk_doors(browser, demo, folder):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    door = Walk(context.new_page(), demo["base_url"], folder)
    door.open("/console/sign-in/")
    door.shoot("console-sign-in")
    door.open("/demo/")
    door.page.fill("#password", demo["accounts"]["customer"]["password"])
    door.press("#door button")
    door.page.click("#open-chat")
    door.page.wait_for_selector("#events .said")
    door.page.wait_for_timeout(700)
    door.shoot("demo")
    return [door]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo", type=Path, default=ROOT / "var" / "demo.json")
    parser.add_argument("--to", type=Path, default=ROOT / "var" / "walk")
    given = parser.parse_args()
    demo = json.loads(given.demo.read_text())
    given.to.mkdir(parents=True, exist_ok=True)
    with launched() as browser:
        walkers = walk_inbox(browser, demo, given.to)
        walkers += walk_desks(browser, demo, given.to) + walk_doors(browser, demo, given.to)
    print(f"{len(list(given.to.glob('*.png')))} pictures are in {given.to}")
    faults = [fault for walker in walkers for fault in walker.faults]
    if faults:
        raise SystemExit("\n".join(faults))


if __name__ == "__main__":
    main()
