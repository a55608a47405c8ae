"""Debian's chromium, driven by playwright, for tests that look at pages as people do."""

import importlib.util
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
PATIENCE_MS = 20_000


def why_not() -> str:
    """Return why there is no browser here; nothing where there is one."""
    missing = [name for name in ("playwright", "axe_playwright_python") if importlib.util.find_spec(name) is None]
    if missing:
        return f"the console's browser tests need {' and '.join(missing)}: pip install -r requirements-dev.txt"
    return "" if CHROMIUM else "the console's browser tests need a browser: apt-get install chromium"


@contextmanager
def launched() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One person at one browser of their own. `faults` are what no page may do: errors of scripts, foreign requests,
    dialogs that nobody asked for, answers of 500."""

    def __init__(self, browser: Any, base_url: str, **options: Any) -> None:
        self.base_url = base_url
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.context.set_default_timeout(PATIENCE_MS)
        self.faults: list[str] = []
        self.page = self.new_page()

    def new_page(self) -> Any:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("console", lambda line: self._hear(line))
        page.on("request", lambda request: self._see(request.url))
        page.on("response", lambda answer: answer.status >= 500 and self.faults.append(f"{answer.status} {answer.url}"))
        page.on("dialog", lambda dialog: self._asked(dialog))
        return page

    def _hear(self, line: Any) -> None:
        # Losing the connection is what some tests are about.
        if line.type == "error" and "Content Security Policy" in line.text:
            self.faults.append(line.text)

    def _see(self, url: str) -> None:
        if not url.startswith((self.base_url, self.base_url.replace("http", "ws"), "data:", "blob:")):
            self.faults.append(f"foreign: {url}")

    def _asked(self, dialog: Any) -> None:
        if dialog.type == "alert":
            self.faults.append(f"alert: {dialog.message}")
        dialog.accept()

    def bear(self, access: str, refresh: str) -> None:
        """Take the cookies of a session."""
        self.context.add_cookies(
            [
                {"name": name, "value": value, "url": self.base_url, "httpOnly": True, "sameSite": "Lax"}
                for name, value in (("accessToken", access), ("refreshToken", refresh))
            ]
        )

    def go(self, path: str, page: Any = None) -> Any:
        page = page or self.page
        page.goto(f"{self.base_url}{path}")
        return page

    def live(self, page: Any = None) -> None:
        """Wait until the page's socket is live."""
        (page or self.page).wait_for_selector('#wire[data-state="live"], #wire[data-state="back"]')

    def close(self) -> None:
        self.context.close()


def until(page: Any, expression: str) -> None:
    """Wait until an expression holds on the page. The driver's own way of waiting evaluates in the page, which the
    policy forbids there, as it should."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(expression):
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true: {expression}")
        page.wait_for_timeout(30)
