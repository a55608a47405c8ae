"""Versions of the rules: drafted by one person, tried, published by another, retired by the next one (ADR 0008)."""

from datetime import UTC, datetime
from typing import Any

from backend.audit import services as audit
from backend.common.errors import Forbidden
from backend.common.principal import BANK_ADMIN, Principal
from backend.common.unit_of_work import unit_of_work
from backend.fraud.errors import NotADraft, OwnRules, RuleSetUnknown, RulesRefused, RulesStale
from backend.fraud.models import RuleSet
from backend.fraud.rulesets import parse

State = RuleSet.State


def draft_rules(*, actor: Principal, rules: Any | None, based_on: int | None, note: str) -> RuleSet:
    """Make a draft of the next version: of the given rules, else a copy of a version, else of the one in force.

    Raises: Forbidden, RuleSetUnknown, RulesRefused. Locks: the row of version 1, which stands for the list of versions.
    """
    _require_admin(actor)
    with unit_of_work():
        _lock_versions()
        source = RuleSet.objects.filter(**({"version": based_on} if based_on else {"state": State.PUBLISHED})).first()
        if source is None:
            raise RuleSetUnknown
        newest = RuleSet.objects.order_by("-version").values_list("version", flat=True)[0]
        draft = RuleSet.objects.create(
            version=newest + 1,
            rules=_checked(source.rules if rules is None else rules),
            note=note,
            created_by_id=actor.id,
            changed_by_id=actor.id,
        )
        facts = {"version": draft.version, "based_on": source.version}
        audit.record(actor_id=actor.id, action="fraud.rules_created", target=draft, facts=facts)
    return draft


def change_draft(*, actor: Principal, version: int, revision: int, rules: Any | None, note: str | None) -> RuleSet:
    """Change a draft; it is then the caller's, too. `revision` is the one that was read.

    Raises: Forbidden, RuleSetUnknown, NotADraft, RulesStale, RulesRefused. Locks: the draft.
    """
    with unit_of_work():
        draft = _draft(actor, version, revision)
        if rules is not None:
            draft.rules = _checked(rules)
        if note is not None:
            draft.note = note
        draft.revision += 1
        draft.changed_by_id, draft.changed_at = actor.id, datetime.now(UTC)
        draft.save()
        facts = {"version": draft.version, "revision": draft.revision}
        audit.record(actor_id=actor.id, action="fraud.rules_changed", target=draft, facts=facts)
    return draft


def publish(*, actor: Principal, version: int, revision: int) -> RuleSet:
    """Put a draft into force, for the next transfer of every process, and retire the version before.

    Raises: Forbidden, RuleSetUnknown, NotADraft, RulesStale, OwnRules (a second person publishes), RulesRefused.
    Locks: the row of version 1, then the draft and the version in force.
    """
    with unit_of_work():
        _lock_versions()
        draft = _draft(actor, version, revision)
        if actor.id in (draft.created_by_id, draft.changed_by_id):
            raise OwnRules
        _checked(draft.rules)
        now = datetime.now(UTC)
        before = RuleSet.objects.select_for_update(no_key=True).filter(state=State.PUBLISHED).first()
        if before is not None:
            before.state, before.retired_at, before.retired_by_id = State.RETIRED, now, actor.id
            before.save()
        draft.state, draft.published_at, draft.published_by_id = State.PUBLISHED, now, actor.id
        draft.save()
        facts = {"version": draft.version, "instead_of": before.version if before else None}
        audit.record(actor_id=actor.id, action="fraud.rules_published", target=draft, facts=facts)
    return draft


def retire(*, actor: Principal, version: int) -> RuleSet:
    """Give a draft up. What is in force is retired by publishing another. Repeating: NotADraft.

    Raises: Forbidden, RuleSetUnknown, NotADraft. Locks: the draft.
    """
    with unit_of_work():
        draft = _draft(actor, version, None)
        draft.state, draft.retired_at, draft.retired_by_id = State.RETIRED, datetime.now(UTC), actor.id
        draft.save()
        audit.record(actor_id=actor.id, action="fraud.rules_retired", target=draft, facts={"version": draft.version})
    return draft


def _require_admin(actor: Principal) -> None:
    if not actor.has_role(BANK_ADMIN):
        raise Forbidden


def _lock_versions() -> None:
    RuleSet.objects.select_for_update(no_key=True).only("pk").get(version=1)


def _draft(actor: Principal, version: int, revision: int | None) -> RuleSet:
    _require_admin(actor)
    draft = RuleSet.objects.select_for_update(no_key=True).filter(version=version).first()
    if draft is None:
        raise RuleSetUnknown
    if draft.state != State.DRAFT:
        raise NotADraft(draft.state)
    if revision is not None and draft.revision != revision:
        raise RulesStale(revision=draft.revision)
    return draft


def _checked(rules: Any) -> dict[str, Any]:
    try:
        return parse(rules).model_dump(mode="json")
    except ValueError as fault:
        raise RulesRefused(str(fault)) from fault
