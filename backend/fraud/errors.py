"""What fraud review refuses, and why."""

from backend.common.errors import Conflict, Forbidden, NotFound, RuleViolation


class AlertUnknown(NotFound):
    code = "fraud.alert_unknown"
    detail = "There is no such alert."


class OwnAlert(Forbidden):
    """Nobody reviews what is about themselves."""

    code = "fraud.own_alert"
    detail = "Nobody decides about themselves."


class AlertClaimed(Conflict):
    """A colleague has it: `reviewer_id` and `reviewer` say who, `claimed_until` how long."""

    code = "fraud.alert_claimed"
    detail = "A colleague is reviewing this alert."

    def __init__(self, *, reviewer_id: int, reviewer: str, claimed_until: str) -> None:
        super().__init__(reviewer_id=reviewer_id, reviewer=reviewer, claimed_until=claimed_until)


class AlertDecided(Conflict):
    """Somebody was faster, or its time ran out; `status` is what came of it."""

    code = "fraud.alert_decided"
    detail = "This alert has already been decided."

    def __init__(self, status: str) -> None:
        super().__init__(status=status)


class AlertUndecided(Conflict):
    code = "fraud.alert_undecided"
    detail = "Decide the alert first: its label follows from that, and can be corrected then."


class SecondPersonNeeded(Conflict):
    """Above an amount the word of another person is needed."""

    code = "fraud.second_person_needed"
    detail = "You have proposed this already. Another person must agree."


class ReasonMissing(RuleViolation):
    code = "fraud.reason_missing"
    detail = "Say why: it is kept with the decision."


class RuleSetUnknown(NotFound):
    code = "fraud.rules_unknown"
    detail = "There is no such version of the rules."


class RulesRefused(RuleViolation):
    """The document is not one that the rules could run on; the detail says where."""

    code = "fraud.rules_refused"
    detail = "These rules cannot be used."


class NotADraft(Conflict):
    """`state` says what it is instead: versions that were in force never change."""

    code = "fraud.rules_not_a_draft"
    detail = "Only drafts can be changed, published or retired."

    def __init__(self, state: str) -> None:
        super().__init__(state=state)


class RulesStale(Conflict):
    """Somebody changed the draft, or published another version, since it was read."""

    code = "fraud.rules_stale"
    detail = "The draft was changed meanwhile. Read it again first."


class OwnRules(Conflict):
    """Whoever wrote a version does not publish it."""

    code = "fraud.rules_second_person_needed"
    detail = "You have written this version. Another person must publish it."


class DryRunUnknown(NotFound):
    code = "fraud.dry_run_unknown"
    detail = "There is no such dry run."


class SnoozeUnknown(NotFound):
    code = "fraud.snooze_unknown"
    detail = "There is no such snooze, or it has ended."


class SnoozeRefused(RuleViolation):
    code = "fraud.snooze_refused"
    detail = "A rule cannot be snoozed in this way."
