"""Verification, fraud, audit, team and banking in two browsers at once; and what axe finds on every page."""

import uuid
from decimal import Decimal

import pytest

from backend.audit.models import AuditLog
from backend.banking.tests.factories import fund, make_account, make_bank
from backend.conftest import PASSWORD
from backend.console.tests.browsers import Visitor, until, why_not
from backend.console.tests.test_browser import opened
from backend.fraud.tests.made import flagged, held
from backend.kyc.tests.people import waiting
from backend.support.tests.factories import make_talk, store_messages

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is a browser")]

GRAVE = {"serious", "critical"}


def test_a_case_is_locked_and_decided_before_a_colleagues_eyes(browse, make_user):
    person = waiting(make_user, first_name="Pat")
    one, other = (
        browse(make_user("BANK_ADMIN", first_name=name)).go(f"/console/kyc/{person.pk}/") for name in ("Bea", "Bob")
    )
    for page in (one, other):
        page.wait_for_selector("text=Take this case")
        page.wait_for_selector('#wire[data-state="live"]')
    one.click("text=Show the documents")
    until(one, "document.querySelector('.scan')?.naturalWidth > 0")

    one.click("text=Take this case")
    other.wait_for_selector("text=Bea has this case")
    other.click("text=Ask again")  # Without a reason nothing happens.
    one.click("text=Approve")
    other.wait_for_selector("text=by Bea")

    person.refresh_from_db()
    assert person.kyc_status == "APPROVED"
    assert one.locator("text=by you").count() == 1


def test_a_rejection_needs_its_reason_and_the_person_is_told(browse, make_user):
    person = waiting(make_user, first_name="Pat")
    page = browse(make_user("BANK_ADMIN")).go(f"/console/kyc/{person.pk}/")
    page.wait_for_selector("text=Take this case")
    page.click("#lock >> text=Reject")
    person.refresh_from_db()
    assert person.kyc_status == "PENDING"

    page.fill("#reject-reason", "The picture is blurred.")
    page.click("#lock >> text=Reject")
    page.wait_for_selector("text=REJECTED")

    person.refresh_from_db()
    assert person.kyc_status == "REJECTED"


def test_an_alert_comes_by_itself_is_claimed_and_decided_by_one(browse, make_user):
    one, other = browse(make_user("BANK_ADMIN", first_name="Bea")), browse(make_user("BANK_ADMIN", first_name="Bob"))
    pages = [visitor.go("/console/fraud/") for visitor in (one, other)]
    for visitor in (one, other):
        visitor.live()
    alert = held(make_user(), amount="20000.00")
    for page in pages:
        page.click(f"text={alert.alert_id} >> xpath=.. >> a")
        page.wait_for_selector("text=Take this alert")

    pages[0].fill("#verdict-reason", "called the customer")
    pages[0].click("text=Take this alert")
    pages[1].wait_for_selector("text=A colleague has it")
    pages[0].wait_for_selector("text=You have this alert")
    assert pages[0].input_value("#verdict-reason") == "called the customer"  # Though the part was loaded anew.
    pages[0].click("button[value=release]")
    pages[1].wait_for_selector("h2:has-text('Released')")

    alert.refresh_from_db()
    assert (alert.status, alert.reason) == ("RELEASED", "called the customer")
    assert "called the customer" in pages[1].inner_text(".timeline")


def test_rules_are_drafted_changed_and_tried(browse, make_user):
    flagged(make_user())
    visitor = browse(make_user("BANK_ADMIN"))
    page = visitor.go("/console/fraud/rules/")
    page.fill("#note", f"less at night {uuid.uuid4().hex[:6]}")
    page.click("text=New draft")
    page.wait_for_selector(".mark.pending")
    page.click("table a >> nth=0")
    page.fill("#f-night-points", "12")
    page.click("text=Save the draft")
    page.wait_for_selector("text=Done.")
    page.click("text=Start a dry run")
    page.wait_for_selector("#run .mark.good")
    assert "unchanged" in page.inner_text("#run")

    page.reload()
    assert page.input_value("#f-night-points") == "12"


def test_the_trail_is_searched_opened_and_verified(browse, make_user):
    auditor = make_user("AUDITOR")
    page = browse(auditor).go("/console/audit/?action=kyc")
    page.wait_for_selector("h1")
    assert page.locator("text=Export").count() == 1
    page.click("text=Verify the next stretch")
    page.wait_for_selector("text=nothing was altered")
    assert AuditLog.objects.filter(action="audit.verified", actor_id=auditor.pk).count() == 1
    page = browse(make_user("BANK_ADMIN")).go("/console/audit/")
    assert page.locator("text=Verify the next stretch").count() == 0
    page.click(".trail button >> nth=0")
    page.wait_for_selector(".detail .facts")


@pytest.fixture
def everything(live, make_user):
    """Somebody with every role and a bank, and something on each page."""
    user = make_user("SUPPORT_AGENT", "BANK_ADMIN", "AUDITOR", is_staff=True, is_superuser=True, first_name="Eve")
    bank = make_bank(manager=user)
    account = make_account(bank=bank)
    fund(account, Decimal("120.00"))
    talk = make_talk(make_user)
    from backend.identity.principals import principal_of
    from backend.support.services import members

    members.add_member(actor=principal_of(talk.agent), chat_id=talk.id, user_id=user.pk)
    store_messages(talk, "hello", "again")
    person, alert = waiting(make_user), held(make_user())
    paths = ["/console/inbox/?view=queue", f"/console/kyc/{person.pk}/", "/console/kyc/", "/console/fraud/"]
    paths += [f"/console/fraud/{alert.alert_id}/", "/console/fraud/rules/", "/console/fraud/rules/1/"]
    paths += ["/console/audit/", "/console/team/", f"/console/banking/{bank.pk}/"]
    paths += [f"/console/banking/{bank.pk}/accounts/", f"/console/banking/accounts/{account.pk}/"]
    paths += [f"/console/banking/accounts/{account.pk}/statement/", "/console/nowhere/"]
    return user, talk, paths


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(browse, everything, scheme):
    """WCAG AA, at 1280 px in light, on a phone in dark; and no page is wider than a phone."""
    from axe_playwright_python.sync_playwright import Axe

    user, talk, paths = everything
    size = {"width": 1280, "height": 800} if scheme == "light" else {"width": 390, "height": 800}
    visitor, stranger = (browse(who, viewport=size, color_scheme=scheme) for who in (user, None))
    found = []

    def look(page, name: str) -> None:
        for one in Axe().run(page).response["violations"]:
            if one["impact"] in GRAVE:
                found.append((name, one["id"], one["nodes"][0]["html"][:160], one["nodes"][0].get("failureSummary")))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append((name, "wider than the window", "", ""))

    look(stranger.go("/console/sign-in/"), "sign-in")
    for path in paths if scheme == "light" else paths[1::3]:
        page = visitor.go(path)
        page.wait_for_load_state("networkidle") if path.endswith("nowhere/") else visitor.live()
        look(page, path)
    look(opened(visitor, talk), "conversation")
    assert found == []


def test_times_are_in_the_readers_zone_and_the_theme_stays(browse, make_user):
    alert = held(make_user())
    visitor: Visitor = browse(make_user("BANK_ADMIN"), timezone_id="Asia/Tokyo", color_scheme="light")
    page = visitor.go(f"/console/fraud/{alert.alert_id}/")
    visitor.live()
    shown = page.inner_text(".timeline time")
    there = page.evaluate("new Date(document.querySelector('.timeline time').dateTime).getHours()")
    utc = alert.created_at.hour

    page.click("#theme")
    page.reload()

    assert there == (utc + 9) % 24
    assert f"{(there - 1) % 12 + 1}:" in shown or f"{there:02}:" in shown
    assert page.get_attribute("html", "data-theme") == "dark"


def test_a_customer_of_the_demo_chats_and_rates_beside_an_agent(live, browse, make_user):
    """`/demo/`: tokens in the page's own hands, the same API and sockets as the console's."""
    from backend.support.tests.factories import nobody_is_available

    nobody_is_available()
    customer, agent = make_user(first_name="Ana"), make_user("SUPPORT_AGENT", first_name="Ben")
    app, desk = browse(), browse(agent)
    theirs = desk.go("/console/inbox/?view=queue")
    desk.live(theirs)
    phone = app.go("/demo/")
    phone.fill("#username", customer.email)
    phone.fill("#password", PASSWORD)
    phone.press("#password", "Enter")
    phone.click("text=Ask something")
    phone.fill("#text", "Hello <b>there</b>")
    phone.press("#text", "Enter")
    phone.wait_for_selector("#events .said.mine")

    theirs.click("#tab-mine")
    theirs.click("#chats .chat a")
    theirs.wait_for_selector("text=Hello <b>there</b>")
    theirs.fill("#text", "Good morning")
    theirs.press("#text", "Enter")
    phone.wait_for_selector("text=Good morning")
    theirs.click("text=Close the chat")
    phone.click("#rate [value='5']")
    phone.wait_for_selector("#rate", state="hidden")
    assert app.context.cookies() == [] or "accessToken" not in {one["name"] for one in app.context.cookies()}
