from backend.common.errors import Conflict, NotFound, RuleViolation


class Taken(Conflict):
    """Somebody has it already; `field` says what. Said of e-mail, username and phone, never of the SSN."""

    code = "registration.taken"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail, **{field: [detail]})
        self.field = field


class AlreadyRegistered(Conflict):
    """The person is known already. By what is not told, since whoever asks may be a stranger with a list of numbers."""

    code = "registration.not_possible"
    detail = "We cannot open an account with these details. Sign in if you have one, or ask our support."


class RegistrationInProgress(Conflict):
    """The same person is being registered at this moment, or has been and is not decided yet (E-REG-5)."""

    code = "registration.in_progress"
    detail = "A registration with these details is in progress. Sign in to continue it."


class ProfileUnknown(NotFound):
    code = "kyc.profile_unknown"
    detail = "There is no banking profile yet."


class ProfileSettled(RuleViolation):
    """What was examined and approved is not changed by its owner alone."""

    code = "kyc.profile_settled"
    detail = "The profile has been approved. Ask our support to change it."


class DraftUnknown(NotFound):
    code = "kyc.draft_unknown"
    detail = "There is no draft, or it has expired."


class DraftStale(Conflict):
    """Another device saved meanwhile; `version` is the draft's present one."""

    code = "kyc.draft_stale"
    detail = "The draft was changed on another device. Read it again first."
