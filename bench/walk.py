"""A walk through the pages for staff in a real browser, with pictures: `python -m bench.walk` beside `make run`.

Needs Debian's `chromium` and `pip install playwright==1.65.2`, which nothing else does, so neither is in the
requirements. Enrols the demo superuser's second factor on the way, and switches it off again at the end. Fails at the
first page that answers with an error, asks another server for anything, or complains in the console.
"""

import argparse
import base64
import io
import json
import re
import time
from pathlib import Path

from django_otp.oath import totp
from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
PAGES = {
    "people": "identity/user/",
    "new-person": "identity/user/add/",
    "roles": "identity/userrole/",
    "new-role": "identity/userrole/add/",
    "sessions": "identity/session/",
    "sign-ins": "identity/loginlog/",
    "audit": "audit/auditlog/",
    "events": "audit/securityevent/",
    "chats": "support/chat/",
    "agents": "support/agentstatus/",
    "keys": "rest_framework_api_key/apikey/",
    "blocks": "common/ratelimit/",
    "rules": "identity/rulechange/add/",
    "password": "password_change/",
}


class Walk:
    def __init__(self, page, url, folder):
        self.page, self.url, self.folder, self.faults = page, url, folder, []
        page.on("response", self._check)
        page.on("requestfailed", self._failed)
        page.on("console", lambda line: self.faults.append(line.text) if self._matters(line) else None)

    def _check(self, response):
        if response.status >= 400 or not response.url.startswith((self.url, "data:", "blob:")):
            self.faults.append(f"{response.status} {response.url}")

    def _failed(self, request):
        if request.url.startswith(self.url) and request.failure != "net::ERR_ABORTED":  # the page changed its mind
            self.faults.append(f"failed: {request.url}")

    def _matters(self, line):
        """What our own policy kept a page from fetching elsewhere is as it should be."""
        return line.type == "error" and "Content Security Policy" not in line.text

    def open(self, path):
        self.page.goto(f"{self.url}{path}")
        self.page.wait_for_load_state("networkidle")

    def press(self, selector="input[type=submit]"):
        self.page.click(selector)
        self.page.wait_for_load_state("networkidle")

    def shoot(self, name):
        """Keep the page as a picture of few colours, so that it may lie in the repository."""
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
        picture.save(self.folder / f"{name}.png", optimize=True)

    def sign_in(self, demo, code=""):
        self.open("/adminsite/")
        self.page.fill("#id_username", demo["email"])
        self.page.fill("#id_password", demo["password"])
        self.page.fill("#id_otp", code)
        self.press()


def code_of(secret, used):
    """Return a code that was not used before; waits for the next one if need be."""
    while (step := int(time.time()) // 30) in used:
        time.sleep(1)
    used.add(step)
    return f"{totp(base64.b32decode(secret)):06}"


def walk(walker, demo):
    used = set()
    walker.open("/adminsite/")
    walker.shoot("admin-sign-in")
    walker.sign_in(demo)
    walker.shoot("admin-overview")
    for name, path in PAGES.items():
        walker.open(f"/adminsite/{path}")
        walker.shoot(f"admin-{name}")
    for name, path in {"person": PAGES["people"], "audit-row": PAGES["audit"]}.items():
        walker.open(f"/adminsite/{path}")
        walker.press("#result_list tbody th a")
        walker.shoot(f"admin-{name}")
    walker.open("/adminsite/identity/userrole/add/")
    walker.page.click(".select2-selection")
    walker.page.fill(".select2-search__field", "agent")
    walker.page.wait_for_load_state("networkidle")
    walker.page.wait_for_selector(".select2-results__option--highlighted")
    walker.shoot("admin-choosing")
    secret = enrol(walker, demo, used)
    walker.press("text=I have kept them")
    walker.page.context.clear_cookies()
    walker.sign_in(demo)
    walker.shoot("factor-asked")
    walker.sign_in(demo, code_of(secret, used))
    walker.open("/adminsite/two-factor/")
    walker.shoot("factor-on")
    walker.page.fill('[id="id_two_factor.disable"]', code_of(secret, used))
    walker.press('input[value="Switch it off"]')
    around(walker)


def enrol(walker, demo, used):
    walker.open("/adminsite/two-factor/")
    walker.shoot("factor-enrol")
    walker.page.fill("#id_password", demo["password"])
    walker.press()
    walker.shoot("factor-scan")
    secret = re.search(r'factor-secret">(\w+)', walker.page.content())[1]
    walker.page.fill("#id_otp", code_of(secret, used))
    walker.press()
    walker.shoot("factor-codes")
    return secret


def around(walker):
    """What is for everybody: the front page, the API's documents, and the page that only pretends."""
    walker.open("/admin/")
    walker.page.fill("#id_username", "root")
    walker.page.fill("#id_password", "toor")
    walker.press()
    walker.shoot("honeypot")
    walker.open("/")
    walker.shoot("front-page")
    walker.open("/api/docs/")
    walker.page.wait_for_selector(".opblock-tag")
    walker.shoot("swagger")
    walker.page.click("#operations-tag-identity")
    walker.page.click("text=/api/users/login/")
    walker.page.wait_for_selector(".opblock-body")
    walker.page.locator("text=/api/users/login/").first.scroll_into_view_if_needed()
    walker.shoot("swagger-example")
    walker.open("/api/redoc/")
    walker.page.wait_for_selector("h1")
    time.sleep(1)
    walker.shoot("redoc")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--demo", type=Path, default=ROOT / "var" / "demo.json")
    parser.add_argument("--to", type=Path, default=ROOT / "var" / "walk")
    given = parser.parse_args()
    demo = json.loads(given.demo.read_text())
    given.to.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        walker = Walk(browser.new_page(viewport={"width": 1280, "height": 800}), demo["base_url"], given.to)
        walk(walker, demo["accounts"]["superuser"])
        browser.close()
    print(f"{len(list(given.to.glob('*.png')))} pictures are in {given.to}")
    if walker.faults:
        raise SystemExit("\n".join(walker.faults))


if __name__ == "__main__":
    main()
