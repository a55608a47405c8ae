"""Notices: every kind with exactly its fields, told in the caller's unit of work."""

import pytest

from backend.common.unit_of_work import Draft, UnitOfWork
from backend.notifications import notices
from backend.notifications.notices import (
    AuditBroken,
    BudgetReached,
    ChatAssigned,
    ChatClosed,
    ChatQueued,
    ChatShared,
    FraudAlerted,
    FraudClaimed,
    FraudDecided,
    FraudProposed,
    KycClaimed,
    KycDecided,
    KycDocumentsRequested,
    KycExpired,
    KycReady,
    KycRegistered,
    KycReviewed,
    KycSecondPersonNeeded,
    KycSubmitted,
    Notice,
    SessionRevoked,
)
from backend.notifications.services import DESK_AUDITOR, DESK_BANK_ADMIN, DESK_SUPPORT, inbox_of, tell

KINDS = {found for found in vars(notices).values() if isinstance(found, type) and found.__base__ is Notice}
ALERT = {
    **{"alert_id": "A", "alert_type": "HONEYPOT", "severity": "HIGH", "status": "OPEN", "title": "Somebody tries"},
    **{"risk_score": 70, "is_held": False, "is_escalated": False, "created_at": "2026-01-02T03:04:05Z"},
}
TABLE = [
    (
        ChatQueued(chat_id="c", customer_id=7, customer="Ana"),
        "chat.queued",
        {"chat_id": "c", "customer_id": 7, "customer": "Ana"},
    ),
    (
        ChatAssigned(chat_id="c", customer_id=7, customer="Ana", agent_id=8),
        "chat.assigned",
        {"chat_id": "c", "customer_id": 7, "customer": "Ana", "agent_id": 8},
    ),
    (ChatShared(chat_id="c", shared_by=8), "chat.shared", {"chat_id": "c", "shared_by": 8}),
    (ChatClosed(chat_id="c", closed_by=8), "chat.closed", {"chat_id": "c", "closed_by": 8}),
    (
        KycClaimed(case_id=3, user_id=7, claimed_by=None),
        "kyc.claimed",
        {"case_id": 3, "user_id": 7, "claimed_by": None},
    ),
    (
        KycReviewed(case_id=3, user_id=7, kyc_status="APPROVED", reviewed_by=8),
        "kyc.reviewed",
        {"case_id": 3, "user_id": 7, "kyc_status": "APPROVED", "reviewed_by": 8},
    ),
    (notices.FraudAlerted(**ALERT), "fraud.alert", ALERT),
    (
        notices.FraudClaimed(alert_id="A", claimed_by=None, claimed_until=None),
        "fraud.claimed",
        {"alert_id": "A", "claimed_by": None, "claimed_until": None},
    ),
    (
        notices.FraudProposed(alert_id="A", verdict="reject", proposed_by=8),
        "fraud.proposed",
        {"alert_id": "A", "verdict": "reject", "proposed_by": 8},
    ),
    (
        notices.FraudDecided(alert_id="A", status="EXPIRED", decided_by=None),
        "fraud.decided",
        {"alert_id": "A", "status": "EXPIRED", "decided_by": None},
    ),
    (
        SessionRevoked(session_id="s", reason="sign_out"),
        "session.revoked",
        {"session_id": "s", "reason": "sign_out"},
    ),
    (notices.TwoFactorEnabled(), "two_factor.enabled", {}),
    (notices.TwoFactorDisabled(), "two_factor.disabled", {}),
    (notices.RecoveryCodesRenewed(), "two_factor.recovery_codes_renewed", {}),
    (notices.RecoveryCodeUsed(left=9), "two_factor.recovery_code_used", {"left": 9}),
    (
        notices.ExportFinished(export_id="e", expires_at="2026-01-02T03:04:05Z"),
        "export.finished",
        {"export_id": "e", "expires_at": "2026-01-02T03:04:05Z"},
    ),
    (notices.ExportFailed(export_id="e"), "export.failed", {"export_id": "e"}),
    (
        notices.RulesChanged(change_id=1, title="Passwords", effective_on="2026-01-02"),
        "rules.changed",
        {"change_id": 1, "title": "Passwords", "effective_on": "2026-01-02"},
    ),
    (
        FraudAlerted(
            alert_id="A",
            alert_type="velocity",
            severity="HIGH",
            status="OPEN",
            title="t",
            risk_score=80,
            is_held=True,
            is_escalated=False,
            created_at="c",
        ),
        "fraud.alert",
        {
            "alert_id": "A",
            "alert_type": "velocity",
            "severity": "HIGH",
            "status": "OPEN",
            "title": "t",
            "risk_score": 80,
            "is_held": True,
            "is_escalated": False,
            "created_at": "c",
        },
    ),
    (
        FraudClaimed(alert_id="A", claimed_by=7, claimed_until=None),
        "fraud.claimed",
        {"alert_id": "A", "claimed_by": 7, "claimed_until": None},
    ),
    (
        FraudProposed(alert_id="A", verdict="release", proposed_by=7),
        "fraud.proposed",
        {"alert_id": "A", "verdict": "release", "proposed_by": 7},
    ),
    (
        FraudDecided(alert_id="A", status="RELEASED", decided_by=7),
        "fraud.decided",
        {"alert_id": "A", "status": "RELEASED", "decided_by": 7},
    ),
    (
        AuditBroken(event_id=1, finding="altered", seq=5, row=9, words="w"),
        "audit.broken",
        {"event_id": 1, "finding": "altered", "seq": 5, "row": 9, "words": "w"},
    ),
    (
        KycSubmitted(case_id=1, user_id=7, user="Ana", document_type="PASSPORT"),
        "kyc.submitted",
        {"case_id": 1, "user_id": 7, "user": "Ana", "document_type": "PASSPORT"},
    ),
    (KycRegistered(user_id=7, user="Ana"), "kyc.registered", {"user_id": 7, "user": "Ana"}),
    (KycReady(case_id=1, user_id=7, user="Ana"), "kyc.ready", {"case_id": 1, "user_id": 7, "user": "Ana"}),
    (
        KycSecondPersonNeeded(case_id=1, user_id=7, approved_by=8),
        "kyc.second_person_needed",
        {"case_id": 1, "user_id": 7, "approved_by": 8},
    ),
    (KycDecided(kyc_status="APPROVED", reason=""), "kyc.decided", {"kyc_status": "APPROVED", "reason": ""}),
    (
        KycDocumentsRequested(document_types=["PASSPORT"], reason="dark"),
        "kyc.documents_requested",
        {"document_types": ["PASSPORT"], "reason": "dark"},
    ),
    (KycExpired(kyc_status="EXPIRED"), "kyc.expired", {"kyc_status": "EXPIRED"}),
    (
        BudgetReached(
            budget_id="b",
            category_id="c",
            category="Food",
            month="2026-11",
            percent=80,
            amount="100.00",
            spent="85.50",
        ),
        "budget.reached",
        {
            "budget_id": "b",
            "category_id": "c",
            "category": "Food",
            "month": "2026-11",
            "percent": 80,
            "amount": "100.00",
            "spent": "85.50",
        },
    ),
]


@pytest.mark.parametrize(("notice", "kind", "payload"), TABLE)
def test_a_notice_carries_its_kind_and_its_fields(notice, kind, payload):
    assert (notice.kind, notice.payload()) == (kind, payload)


@pytest.mark.parametrize(("notice", "kind", "payload"), TABLE)
def test_a_stored_notice_is_known_again_and_has_words(notice, kind, payload):
    assert notices.notice_from(kind, payload) == notice
    assert all(isinstance(words, str) for words in notice.in_words())
    assert notice.in_words()[0]


def test_an_unknown_kind_or_field_is_no_notice():
    assert notices.notice_from("no.such", {}) is None
    assert notices.notice_from("chat.closed", {"chat_id": "c"}) is None


def test_no_two_kinds_share_a_name():
    assert len({kind.kind for kind in KINDS}) == len(KINDS)


def test_what_is_no_field_cannot_be_sent():
    with pytest.raises(TypeError):
        SessionRevoked(session_id="s", reason="sign_out", password="x")
    with pytest.raises(TypeError):
        SessionRevoked(session_id="s")
    with pytest.raises(AttributeError):
        SessionRevoked(session_id="s", reason="sign_out").reason = "other"


def test_every_kind_stands_in_the_table_above():
    assert {type(notice) for notice, _, _ in TABLE} == KINDS


def test_telling_adds_one_event_for_each_inbox_and_desk():
    unit = UnitOfWork()

    tell(unit, topics=[inbox_of(7), DESK_SUPPORT], notice=ChatClosed(chat_id="c", closed_by=8))

    assert unit.drafts == [
        Draft("user.7", "chat.closed", {"chat_id": "c", "closed_by": 8}),
        Draft("desk.support", "chat.closed", {"chat_id": "c", "closed_by": 8}),
    ]


def test_telling_nobody_adds_nothing():
    unit = UnitOfWork()

    tell(unit, topics=[], notice=ChatClosed(chat_id="c", closed_by=8))

    assert unit.drafts == []


def test_topics_have_the_names_of_the_protocol():
    """design.md section 4."""
    assert (inbox_of(7), DESK_SUPPORT, DESK_BANK_ADMIN, DESK_AUDITOR) == (
        "user.7",
        "desk.support",
        "desk.bank_admin",
        "desk.auditor",
    )
