"""Reviews: S2-R9, S2-R12 to S2-R14, S2-R18, and what several reviewers do at once (E-ADM-1 to E-ADM-4)."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as product
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from PIL import Image

from backend.audit.models import AuditLog, SecurityEvent
from backend.common.models import StoredFile
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.identity.services import roles
from backend.identity.tests.doors import Event, notices_to
from backend.kyc import tasks
from backend.kyc.errors import AlreadyReviewed
from backend.kyc.models import Case, Document
from backend.kyc.services import cases
from backend.kyc.tests.people import PICTURE, send_document, waiting, with_profile
from backend.notifications.notices import KINDS
from backend.tests.commits import in_parallel

LOOK = {"reason": "identity check"}


@pytest.fixture
def reviewer(make_user) -> User:
    return make_user("BANK_ADMIN", is_staff=True)


@pytest.fixture
def desk(reviewer, client_of):
    return client_of(reviewer)


def review(client, user: User, **body: object):
    return client.post(f"/api/admin/kyc/review/{user.pk}/", body)


def desk_events() -> list[tuple[str, dict[str, object]]]:
    found = Event.objects.filter(topic__key="desk.bank_admin").order_by("seq")
    return [(event.kind, event.payload) for event in found]


def changes() -> tuple[int, ...]:
    return (
        Event.objects.count(),
        AuditLog.objects.count(),
        Case.objects.filter(decided_at__isnull=False).count(),
        Document.objects.exclude(verification_status="PENDING").count(),
    )


@pytest.mark.django_db
def test_a_document_tells_the_desk_at_once(make_user):
    """Issue 05: `kyc.submitted` to `desk.bank_admin`; several documents are one case."""
    user = waiting(make_user)
    send_document(user, "UTILITY_BILL")

    case = Case.objects.get()
    assert [kind for kind, _ in desk_events()] == ["kyc.registered", "kyc.submitted", "kyc.submitted"]
    assert desk_events()[1][1] == {
        "case_id": case.pk,
        "user_id": user.pk,
        "user": user.first_name,
        "document_type": "PASSPORT",
    }


@pytest.mark.django_db
def test_the_desk_hears_of_registrations_and_of_complete_sets_once(make_user):
    """S2-B15, S2-B21: NEW_REGISTRATION with high priority, KYC_READY_REVIEW when card and bill are here."""
    user = waiting(make_user)
    send_document(user, "GOVERNMENT_ID")
    before = [kind for kind, _ in desk_events()]
    send_document(user, "UTILITY_BILL")
    send_document(user, "OTHER")

    kinds = [kind for kind, _ in desk_events()]
    assert (before.count("kyc.ready"), kinds.count("kyc.ready"), kinds.count("kyc.registered")) == (0, 1, 1)
    assert (KINDS["kyc.registered"].notification_type, KINDS["kyc.registered"].priority) == ("NEW_REGISTRATION", "HIGH")
    assert KINDS["kyc.ready"].notification_type == "KYC_READY_REVIEW"


@pytest.mark.django_db
def test_approving_settles_person_documents_and_case_and_tells_the_person(make_user, desk, reviewer):
    """S2-R14, S2-B12, S2-B14."""
    user = waiting(make_user)

    answer = review(desk, user, action="approve")

    assert (answer.status_code, answer.json()["user"]) == (
        200,
        {"id": user.pk, "username": user.username, "kyc_status": "APPROVED"},
    )
    user.refresh_from_db()
    document, case = Document.objects.get(), Case.objects.get()
    assert user.is_account_verified
    assert (document.verification_status, document.verified_by_id) == ("VERIFIED", reviewer.pk)
    assert (case.decision, case.decided_by_id) == ("APPROVED", reviewer.pk)
    assert {"kind": "kyc.decided", "kyc_status": "APPROVED", "reason": ""} in notices_to(user.pk)
    assert AuditLog.objects.filter(action="kyc.approved", actor_id=reviewer.pk, target_id=str(user.pk)).count() == 1


@pytest.mark.django_db
def test_rejecting_needs_a_reason_which_the_person_is_told(make_user, desk):
    """S2-R14, S2-B12."""
    user = waiting(make_user)
    before = changes()

    without = review(desk, user, action="reject", rejection_reason="  ")
    unchanged = changes() == before
    answer = review(desk, user, action="reject", rejection_reason="The picture is blurred.")

    assert (without.status_code, list(without.json()), unchanged) == (400, ["rejection_reason"], True)
    assert (answer.status_code, answer.json()["user"]["kyc_status"]) == (200, "REJECTED")
    assert Document.objects.get().rejection_reason == "The picture is blurred."
    assert {"kind": "kyc.decided", "kyc_status": "REJECTED", "reason": "The picture is blurred."} in notices_to(user.pk)


@pytest.mark.django_db
def test_the_documented_put_decides_too(make_user, desk):
    """S2-R9."""
    user = waiting(make_user)
    address = f"/api/users/{user.pk}/"

    without = desk.put(address, {"kyc_status": "REJECTED"})
    answer = desk.put(address, {"kyc_status": "APPROVED"})
    again = desk.put(address, {"kyc_status": "REJECTED", "rejection_reason": "changed my mind"})

    assert (without.status_code, list(without.json())) == (400, ["rejection_reason"])
    assert (answer.status_code, answer.json()["kyc_status"], answer.json()["roles"]) == (200, "APPROVED", ["CUSTOMER"])
    assert (again.status_code, again.json()["code"], again.json()["kyc_status"]) == (
        409,
        "kyc.already_reviewed",
        "APPROVED",
    )


@pytest.mark.django_db
def test_what_was_decided_stays_decided(make_user, desk):
    """E-ADM-3: the second reviewer hears the present state, and changes nothing."""
    user = waiting(make_user)
    review(desk, user, action="approve")
    before = changes()

    answers = [
        review(desk, user, action="approve"),
        review(desk, user, action="reject", rejection_reason="no"),
        review(desk, user, action="REQUEST_MORE", rejection_reason="no", required_documents=["PASSPORT"]),
        desk.post(f"/api/admin/kyc/cases/{user.pk}/claim/"),
    ]

    assert [(answer.status_code, answer.json()["kyc_status"]) for answer in answers] == [(409, "APPROVED")] * 4
    assert changes() == before


@pytest.mark.django_db
def test_nobody_is_approved_without_a_document(make_user, desk):
    """BUG-S2-15."""
    user = with_profile(make_user())
    before = changes()

    answer = review(desk, user, action="approve")

    assert (answer.status_code, answer.json()["code"]) == (400, "kyc.no_documents")
    assert changes() == before


@pytest.mark.django_db
def test_nobody_reviews_themselves(make_user, client_of):
    """BUG-S2-16."""
    both = waiting(make_user)
    roles.assign_role(user=both, name="BANK_ADMIN", assigned_by=None)
    client = client_of(both)

    answers = [
        review(client, both, action="approve"),
        client.post(f"/api/admin/kyc/cases/{both.pk}/claim/"),
        client.get(f"/api/admin/kyc/documents/{Document.objects.get().pk}/content/", LOOK),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 404]
    assert client.get("/api/admin/kyc/cases/").json()["results"] == []


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["CUSTOMER", "SUPPORT_AGENT", "AUDITOR"])
def test_only_bank_admins_decide(make_user, client_of, role):
    """S2-B32, BUG-S2-17, K-26: 403, not an empty list."""
    user = waiting(make_user)
    client = client_of(make_user(role, is_staff=True, is_superuser=True))

    answers = [
        review(client, user, action="approve"),
        client.put(f"/api/users/{user.pk}/", {"kyc_status": "APPROVED"}),
        client.get("/api/admin/users/"),
        client.get("/api/admin/kyc/documents/"),
        client.get("/api/admin/kyc/cases/"),
        client.get("/api/admin/dashboard/stats/"),
    ]

    assert [answer.status_code for answer in answers] == [403] * 6
    assert User.objects.get(pk=user.pk).kyc_status == "PENDING"


@pytest.mark.django_db
def test_above_low_risk_a_second_person_agrees(make_user, desk, client_of):
    """Issue 05: two approvers; the first one cannot be the second."""
    user = waiting(make_user, risk_profile="HIGH")
    other = client_of(make_user("BANK_ADMIN"))

    first = review(desk, user, action="approve")
    again = review(desk, user, action="approve")
    told = desk_events()[-1][0]
    second = review(other, user, action="approve")

    assert (first.json()["user"]["kyc_status"], told) == ("PENDING", "kyc.second_person_needed")
    assert (again.status_code, again.json()["code"]) == (409, "kyc.second_person_needed")
    assert second.json()["user"]["kyc_status"] == "APPROVED"


@pytest.mark.django_db
def test_a_document_can_be_asked_for_again_and_the_case_goes_on(make_user, desk):
    """S2-R14: REQUEST_MORE."""
    user = waiting(make_user)
    send_document(user, "UTILITY_BILL")

    answer = review(
        desk, user, action="REQUEST_MORE", rejection_reason="Too dark.", required_documents=["UTILITY_BILL"]
    )
    send_document(user, "UTILITY_BILL")
    decided = review(desk, user, action="approve")

    assert answer.json()["user"]["kyc_status"] == "PENDING"
    assert notices_to(user.pk)[-2] == {
        "kind": "kyc.documents_requested",
        "document_types": ["UTILITY_BILL"],
        "reason": "Too dark.",
    }
    assert decided.json()["user"]["kyc_status"] == "APPROVED"
    assert Case.objects.count() == 1
    assert sorted(Document.objects.values_list("verification_status", flat=True)) == [
        "REJECTED",
        "VERIFIED",
        "VERIFIED",
    ]


def test_of_two_reviewers_at_once_one_decides(committed, make_user):
    """E-ADM-1: real connections, a row lock."""
    user = waiting(make_user)
    one, other = (principal_of(make_user("BANK_ADMIN")) for _ in range(2))

    results = in_parallel(
        lambda: cases.approve(actor=one, user_id=user.pk),
        lambda: cases.reject(actor=other, user_id=user.pk, reason="blurred"),
    )

    lost = [result for result in results if isinstance(result, Exception)]
    assert [type(fault) for fault in lost] == [AlreadyReviewed]
    user.refresh_from_db()
    assert lost[0].extra == {"kyc_status": user.kyc_status}
    assert Event.objects.filter(topic__key=f"user.{user.pk}", kind="kyc.decided").count() == 1


@pytest.mark.django_db
def test_a_claimed_case_is_its_reviewers_until_given_back(make_user, desk, reviewer, client_of):
    user = waiting(make_user)
    other = client_of(make_user("BANK_ADMIN"))
    address = f"/api/admin/kyc/cases/{user.pk}/claim/"

    mine = [desk.post(address).status_code, desk.post(address).status_code]
    theirs = other.post(address)
    listed = desk.get("/api/admin/kyc/cases/", {"assigned": "me"}).json()["results"]
    given_back = desk.delete(address)
    taken = other.post(address)

    assert mine == [200, 200]
    assert (theirs.status_code, theirs.json()["reviewer_id"]) == (409, reviewer.pk)
    assert [case["user"]["id"] for case in listed] == [user.pk]
    assert (given_back.status_code, taken.status_code) == (204, 200)


@pytest.mark.django_db
def test_whoever_reviews_no_more_leaves_their_cases(make_user, client_of):
    """E-ADM-2, E-ADM-4: role withdrawn; a first approval of theirs does not count either."""
    admin = make_user("BANK_ADMIN")
    claimed, approved = waiting(make_user), waiting(make_user, risk_profile="MEDIUM")
    client = client_of(admin)
    client.post(f"/api/admin/kyc/cases/{claimed.pk}/claim/")
    review(client, approved, action="approve")

    roles.withdraw_role(user=admin, name="BANK_ADMIN", withdrawn_by=None)

    left = Q(assigned_to=admin) | Q(first_approved_by=admin)
    assert not Case.objects.filter(left).exists()


@pytest.mark.django_db
def test_documents_are_opened_with_a_reason_that_is_kept(make_user, desk, reviewer):
    """Section 7: each view is logged with a reason."""
    waiting(make_user)
    address = f"/api/admin/kyc/documents/{Document.objects.get().pk}"

    without = desk.get(f"{address}/content/")
    looked = AuditLog.objects.filter(action="kyc.document_viewed")
    before = looked.count()
    opened = desk.get(f"{address}/content/", LOOK)
    preview = desk.get(f"{address}/preview/", LOOK)

    assert (without.status_code, without.json()["code"], before) == (422, "kyc.reason_missing", 0)
    assert b"".join(opened.streaming_content) == PICTURE
    assert opened["Cache-Control"] == "private, no-store"
    shown = Image.open(io.BytesIO(preview.content))
    assert (shown.format, shown.size) == ("JPEG", (400, 300))
    assert [log.facts["reason"] for log in looked] == ["identity check"] * 2
    assert {log.actor_id for log in looked} == {reviewer.pk}


@pytest.mark.django_db
def test_the_preview_carries_the_reviewers_mark(make_user, desk):
    plain = Image.new("RGB", (800, 600), "white")
    out = io.BytesIO()
    plain.save(out, "PNG")
    user = with_profile(make_user())
    send_document(user, data=out.getvalue())

    preview = desk.get(f"/api/admin/kyc/documents/{Document.objects.get().pk}/preview/", LOOK)

    shades = Image.open(io.BytesIO(preview.content)).convert("L").getcolors()
    assert len(shades or []) > 20


@pytest.mark.django_db
def test_a_document_that_cannot_be_opened_is_reported_not_a_crash(make_user, desk):
    """E-KYC-6, E-DATA-2, BUG-S2-12."""
    user = waiting(make_user)
    StoredFile.objects.update(wrapped_key=b"\0" * 60)

    answer = desk.get(f"/api/admin/kyc/documents/{Document.objects.get().pk}/content/", LOOK)

    assert answer.status_code < 500
    assert answer.json()["code"] == "file.damaged"
    event = SecurityEvent.objects.get()
    assert (event.event_type, event.user_id) == ("DATA_CORRUPTION", user.pk)


@pytest.mark.django_db
def test_an_approval_runs_out_and_new_documents_are_asked_for(make_user, desk):
    """Issue 05: expiry leads to EXPIRED and a new request."""
    user = waiting(make_user)
    review(desk, user, action="approve")
    Case.objects.update(decided_at=datetime.now(UTC) - timedelta(days=product.KYC_VALID_DAYS + 1))

    tasks.expire_approvals()
    tasks.expire_approvals()
    expired = User.objects.get(pk=user.pk).kyc_status
    send_document(user)

    assert expired == "EXPIRED"
    assert [notice["kind"] for notice in notices_to(user.pk)].count("kyc.expired") == 1
    assert User.objects.get(pk=user.pk).kyc_status == "PENDING"
    assert review(desk, user, action="approve").json()["user"]["kyc_status"] == "APPROVED"


@pytest.mark.django_db
def test_refused_documents_are_deleted_after_seven_years(make_user, desk):
    """E-COMP-1, S2-B33."""
    user = waiting(make_user)
    review(desk, user, action="reject", rejection_reason="blurred")
    tasks.delete_old_refusals()
    kept = Document.objects.count()
    Document.objects.update(verified_at=datetime.now(UTC) - timedelta(days=7 * 366))

    tasks.delete_old_refusals()

    assert (kept, Document.objects.count()) == (1, 0)
    assert StoredFile.objects.filter(wrapped_key__isnull=False).count() == 0


@pytest.mark.django_db
def test_lists_cost_the_same_however_long_they_are(make_user, desk):
    """BUG-S2-32, section 9."""
    addresses = ["/api/admin/users/", "/api/admin/kyc/documents/", "/api/admin/kyc/cases/"]
    waiting(make_user)

    def cost() -> list[int]:
        counted = []
        for address in addresses:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert desk.get(address).status_code == 200
            counted.append(len(queries))
        return counted

    cost()
    few = cost()
    for _ in range(5):
        waiting(make_user)

    assert cost() == few


@pytest.mark.django_db
def test_lists_filter_and_refuse_words_they_do_not_know(make_user, desk):
    """S2-R12, S2-R13."""
    ana, bo = waiting(make_user, first_name="Anabel"), waiting(make_user, risk_profile="HIGH", first_name="Bo")

    by_name = desk.get("/api/admin/users/", {"search": "anab"}).json()
    by_risk = desk.get("/api/admin/kyc/cases/", {"risk_profile": "HIGH"}).json()
    pending = desk.get("/api/admin/kyc/documents/", {"verification_status": "PENDING"}).json()
    unknown = desk.get("/api/admin/users/", {"kyc_status": "MAYBE"})

    assert [row["id"] for row in by_name["results"]] == [ana.pk]
    assert by_name["results"][0]["kyc_documents_count"] == 1
    assert [row["user"]["id"] for row in by_risk["results"]] == [bo.pk]
    assert {row["user"]["id"] for row in pending["results"]} == {ana.pk, bo.pk}
    assert (unknown.status_code, list(unknown.json())) == (400, ["kyc_status"])
