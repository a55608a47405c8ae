"""Verification, fraud, audit, team and banking in two browsers at once; and what axe finds on every page."""

import uuid
from decimal import Decimal

import pytest

from backend.audit.models import AuditLog
from backend.banking.models import Transfer
from backend.banking.tests.factories import fund, make_account, make_bank
from backend.banking.tests.lending_factories import apply, lend, make_borrower
from backend.banking.tests.people_factories import account_of
from backend.conftest import PASSWORD
from backend.console.tests.browsers import Visitor, until, why_not
from backend.console.tests.test_browser import opened
from backend.fraud.models import FraudAlert, RuleSet
from backend.fraud.tests.made import flagged, held
from backend.identity.principals import principal_of
from backend.identity.services import roles
from backend.kyc.tests.people import waiting
from backend.support.services import agents, members
from backend.support.tests.factories import make_talk, nobody_is_available, store_messages

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is a browser")]

GRAVE = {"serious", "critical"}
# WCAG 2.2 AA, and nothing but what is wrong with it: the rest of a report takes longer than the search.
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
    "elementRef": False,
}


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
    page.wait_for_selector("#lock .mark.bad:has-text('rejected')")

    person.refresh_from_db()
    assert person.kyc_status == "REJECTED"


def test_an_alert_comes_by_itself_is_claimed_and_decided_by_one(browse, make_user):
    people = [make_user("BANK_ADMIN", first_name=name) for name in ("Bea", "Bob")]
    one, other = map(browse, people)
    pages = [visitor.go("/console/fraud/") for visitor in (one, other)]
    for visitor in (one, other):
        visitor.live()
    alert = held(make_user(), amount="20000.00")
    for page in pages:
        page.click(f"text={alert.alert_id} >> xpath=.. >> a")
        page.wait_for_selector("text=Take this alert")

    pages[0].fill("#verdict-reason", "called the customer")
    pages[0].click("text=Take this alert")
    pages[1].wait_for_selector("text=Bea has it until")
    pages[0].wait_for_selector("text=You have this alert")
    assert pages[0].input_value("#verdict-reason") == "called the customer"  # Though the part was loaded anew.
    pages[0].dblclick("button[value=release]")
    pages[1].wait_for_selector("h2:has-text('released')")

    alert.refresh_from_db()
    assert (alert.status, alert.reason) == ("RELEASED", "called the customer")
    assert "called the customer" in pages[1].inner_text(".timeline")
    roles.withdraw_role(user=people[1], name="BANK_ADMIN", withdrawn_by=None)
    pages[1].wait_for_selector("#gone:not([hidden])")
    assert "called the customer" not in pages[1].content()


def test_much_money_is_released_by_two_people_and_not_by_one_twice(browse, make_user):
    """From FRAUD_SECOND_PERSON_FROM on."""
    alert = held(make_user(), amount="30000.00")
    one, other = (
        browse(make_user("BANK_ADMIN", first_name=name)).go(f"/console/fraud/{alert.alert_id}/")
        for name in ("Bea", "Bob")
    )
    other.wait_for_selector('#wire[data-state="live"]')

    one.fill("#verdict-reason", "the customer knows of it")
    one.click("button[value=release]")
    one.wait_for_selector("text=a second person must agree")
    assert one.locator("button[value=release]").is_disabled()
    other.wait_for_selector(".timeline >> text=the customer knows of it")
    other.fill("#note", "<img src=x onerror=alert(1)>")
    other.click("text=Add a note")
    other.wait_for_selector("text=<img src=x onerror=alert(1)>")
    other.fill("#verdict-reason", "so it is")
    other.click("button[value=release]")
    one.wait_for_selector("h2:has-text('released')")

    assert "<img src=x onerror=alert(1)>" in one.inner_text(".card")  # What a colleague noted is text.
    alert.refresh_from_db()
    assert (alert.status, alert.proposed_by.first_name, alert.decided_by.first_name) == ("RELEASED", "Bea", "Bob")


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
    page.click("text=Publish")  # Whoever wrote in it does not.
    page.wait_for_selector("#refusals .refusal")
    assert RuleSet.objects.filter(state="PUBLISHED").get().version == 1

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
    members.add_member(actor=principal_of(talk.agent), chat_id=talk.id, user_id=user.pk)
    store_messages(talk, "hello", "again")
    person, alert = waiting(make_user), held(make_user())
    paths = ["/console/inbox/?view=queue", f"/console/kyc/{person.pk}/", "/console/kyc/", "/console/fraud/"]
    paths += [f"/console/fraud/{alert.alert_id}/", "/console/fraud/rules/", "/console/fraud/rules/1/"]
    paths += ["/console/audit/", "/console/team/", f"/console/banking/{bank.pk}/"]
    paths += [f"/console/banking/{bank.pk}/accounts/", f"/console/banking/accounts/{account.pk}/"]
    borrower = make_borrower(make_user)
    loan, application = lend(make_user, borrower), apply(make_borrower(make_user))
    paths += [f"/console/lending/loans/{loan.pk}/", f"/console/lending/{application.pk}/", "/console/lending/"]
    paths += [f"/console/banking/accounts/{account.pk}/statement/", "/console/nowhere/"]
    return user, talk, paths


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(browse, everything, scheme):
    """WCAG AA, at 1280 px in light, on a phone in dark; and no page is wider than a phone."""
    from axe_playwright_python.sync_playwright import Axe

    user, talk, paths = everything
    size = {"width": 1280, "height": 800} if scheme == "light" else {"width": 390, "height": 800}
    visitor, stranger = (browse(who, viewport=size, color_scheme=scheme) for who in (user, None))
    found, axe = [], Axe()

    def look(page, name: str) -> None:
        for one in axe.run(page, options=RULES).response["violations"]:
            if one["impact"] in GRAVE:
                found.append((name, one["id"], one["nodes"][0]["html"][:160], one["nodes"][0].get("failureSummary")))
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append((name, "wider than the window", "", ""))

    look(stranger.go("/console/sign-in/"), "sign-in")
    look(stranger.go("/demo/"), "demo")
    for path in paths if scheme == "light" else paths[1::3]:
        page = visitor.go(path)
        if not path.endswith("nowhere/"):
            visitor.live()
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


def demo_app(browse, customer):
    """A customer's app: `/demo/`, signed in."""
    app = browse()
    phone = app.go("/demo/")
    phone.fill("#username", customer.email)
    phone.fill("#password", PASSWORD)
    phone.press("#password", "Enter")
    phone.wait_for_selector("#phone:not([hidden])")
    return app, phone


def test_a_customer_of_the_demo_chats_and_rates_beside_an_agent(browse, make_user):
    """`/demo/`: tokens in the page's own hands, the same API and sockets as the console's."""
    nobody_is_available()
    desk = browse(make_user("SUPPORT_AGENT", first_name="Ben"))
    theirs = desk.go("/console/inbox/?view=queue")
    desk.live(theirs)
    app, phone = demo_app(browse, make_user(first_name="Ana"))
    phone.click("text=Ask something")
    phone.fill("#text", "Hello <b>there</b>")
    phone.press("#text", "Enter")
    phone.wait_for_selector("#events .said.mine")

    theirs.click("#tab-mine")
    theirs.wait_for_selector("#chats[data-view=mine]")  # What waits in the queue is another's.
    theirs.click("#chats .chat a")
    theirs.wait_for_selector("text=Hello <b>there</b>")
    theirs.fill("#text", "Good morning")
    theirs.press("#text", "Enter")
    phone.wait_for_selector("text=Good morning")
    theirs.click("text=Close the chat")
    phone.click("#rate [value='5']")
    phone.wait_for_selector("#rate", state="hidden")
    assert "accessToken" not in {one["name"] for one in app.context.cookies()}


def test_a_customer_of_the_demo_watches_a_transfer_being_held_and_released(browse, make_user):
    """Sent on one browser, released by the fraud desk in another, heard of on the first by itself."""
    customer = make_user(first_name="<img src=x onerror=alert(1)>")
    source = account_of(customer, balance="20000.00")
    target = account_of(make_user(first_name="Bob"), bank=source.bank)
    _, phone = demo_app(browse, customer)
    phone.fill("#account_number", target.account_number)
    phone.fill("#amount", "12000.00")
    phone.click("#send-money button")
    phone.fill("#proof-password", PASSWORD)  # A large sum asks who one is.
    phone.dblclick("#proof .button")
    phone.wait_for_selector("#transfers [data-state=held]")
    phone.wait_for_selector("text=12,000.00 held")
    alert = FraudAlert.objects.get(user=customer)
    officer = browse(make_user("BANK_ADMIN")).go("/console/fraud/")
    officer.click(f"text={alert.alert_id} >> xpath=.. >> a")
    officer.fill("#verdict-reason", "the customer knows of it")
    officer.click("button[value=release]")

    phone.wait_for_selector("#transfers [data-state=posted]")
    phone.wait_for_selector("#notices [data-kind='transfer.posted']")
    assert phone.locator("#transfers li").count() == 1
    assert phone.locator("text=8,000.00 USD").count() == 1
    assert Transfer.objects.get(source=source).state == "posted"
    assert officer.locator("#main img").count() == 0  # The name is text.


def test_a_loan_is_decided_before_a_colleagues_eyes_and_paid_out_once(browse, make_user):
    borrower = make_borrower(make_user)
    one, other = (browse(make_user("BANK_ADMIN", first_name=name)) for name in ("Bea", "Bob"))
    listed, theirs = one.go("/console/lending/"), other.go("/console/lending/")
    one.live()
    other.live()
    application = apply(borrower, 1200, 12)  # Comes by itself.
    link = f'a[href="/console/lending/{application.pk}/"]'
    listed.click(link)
    theirs.click(link)
    other.live()
    assert "repayment" in theirs.inner_text(".reasons")
    sent = []
    listed.on("request", lambda request: request.method == "POST" and sent.append(request))
    listed.click("text=Approve and pay out")
    listed.wait_for_selector(".mark.good:has-text('approved')")
    theirs.wait_for_selector(".mark.good:has-text('approved')")
    assert theirs.locator("text=Approve and pay out").count() == 0
    assert "Bea" in theirs.inner_text(".card")

    (form,) = sent  # The same form once more, with everything that the browser sent: its money is there already.
    again = one.context.request.fetch(form.url, method="POST", headers=form.all_headers(), data=form.post_data or "{}")
    fresh = {**form.all_headers(), "idempotency-key": "another"}
    anew = one.context.request.fetch(form.url, method="POST", headers=fresh, data=form.post_data or "{}")

    assert (again.status, again.headers["idempotent-replayed"], anew.status) == (200, "true", 409)
    assert borrower.balance() == 1200
    listed.click("text=The loan and its schedule")
    listed.wait_for_selector("text=to come")


def test_the_browser_notifies_whoever_looks_elsewhere(browse, make_user):
    """The page's own notifications, noted as they are made; the permission is the browser's."""
    visitor = browse(make_user("BANK_ADMIN"))
    visitor.context.grant_permissions(["notifications"])
    visitor.page.add_init_script("""window.noted = [];
        window.Notification = class extends Notification {
          constructor(title, options) { super(title, options); window.noted.push(`${title}: ${options.body}`); }
        };
        window.away = false;
        Object.defineProperty(document, "hidden", { get: () => window.away });""")
    page = visitor.go("/console/fraud/")
    visitor.live()
    assert page.locator("#notify").is_hidden()  # Allowed already: nothing to ask for.
    page.wait_for_selector(f"text={flagged(make_user()).alert_id}")
    assert page.evaluate("window.noted") == []  # It was seen as it came.
    page.evaluate("window.away = true")
    alert = held(make_user())
    apply(make_borrower(make_user), 1200)

    until(page, "window.noted.length >= 2")
    noted = page.evaluate("window.noted")
    assert f"A fraud alert waits: {alert.title}" in noted
    assert "A loan was asked for: 1200.00 USD" in noted
    assert len(noted) == 2


def test_a_page_of_another_site_can_neither_frame_ours_nor_send_its_forms(browse, chromium, live, make_user):
    """Click-jacked and cross-site, by a site that the reader has open beside the console."""
    talk = make_talk(make_user)
    visitor = browse(talk.agent)
    opened(visitor, talk)
    forms = [
        ("/console/sign-out/", ""),
        (f"/api/chats/{talk.id}/close/", ""),
        ("/api/chats/availability/", "text/plain"),
    ]
    frames = "".join(
        f"""<form method=post action="{live.base_url}{path}" enctype="{kind}" target="f{at}">
        <input name='{{"is_switched_on":false,"x":"' value='"}}'></form><iframe name="f{at}"></iframe>"""
        for at, (path, kind) in enumerate(forms)
    )
    evil = f"""<iframe id=lure src="{live.base_url}/console/inbox/"></iframe>{frames}
    <script>for (const form of document.forms) form.submit();
    window.answers = Promise.allSettled(["/api/chats/{talk.id}/close/", "/console/sign-out/"].map((path) =>
      fetch("{live.base_url}" + path, {{ method: "POST", credentials: "include", mode: "no-cors" }})));</script>"""
    page = visitor.context.new_page()
    page.route("http://evil.example/", lambda route: route.fulfill(body=evil, content_type="text/html"))
    posted = []
    page.on("request", lambda request: request.method == "POST" and posted.append(request.url))
    page.goto("http://evil.example/")
    until(page, "window.answers.then(() => true)")
    page.wait_for_function("() => window.frames.length === 4")
    for frame in page.frames[1:]:
        frame.wait_for_load_state()

    assert len(posted) == len(forms) + 2
    assert "Ease" not in page.frames[1].content()
    talk.chat.refresh_from_db()
    assert talk.chat.is_active
    assert agents.availability_of(actor=principal_of(talk.agent)).is_switched_on
    visitor.page.reload()
    visitor.live()  # Still signed in.
